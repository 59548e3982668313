import type { KubeClient } from '../client/kube-client.ts';
import type { Log } from '../manager/types.ts';
import {
  keyToString,
  MUTATING_WEBHOOK_CONFIGURATIONS,
  SECRETS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
  type ObjectKey,
  type Resource,
  type ResourceType,
} from '../objects/resources.ts';
import { delay, systemClock } from '../time/clock.ts';
import {
  CERTIFICATE_TIMES,
  planCertificates,
  type CertificateStep,
  type CertificateTimes,
  type Leaf,
  type StoredCertificates,
  type StoredLeaf,
} from './certificate-plan.ts';
import { certificatesPatch, readCertificates, type CertificateSecret } from './certificate-secret.ts';

export interface CertificateKeeperOptions {
  readonly client: KubeClient;
  readonly log: Log;
  /** Exists already, as the chart creates it: nobody needs the right to create Secrets. */
  readonly secret: ObjectKey;
  /** Of the ValidatingWebhookConfiguration and the MutatingWebhookConfiguration; one that is absent is left alone. */
  readonly configuration: string;
  /** DNS names of the Service. */
  readonly names: readonly string[];
  /** Unix ms. */
  readonly now?: () => number;
  readonly times?: CertificateTimes;
  /** Imported when it is needed: a standby, and most of the time the leader, does without it. */
  readonly issue?: (request: { names: readonly string[]; nowMs: number; validMs: number }) => Promise<Leaf>;
}

interface WebhookConfiguration extends Resource {
  webhooks?: { clientConfig: { caBundle?: string } }[];
}

interface Observed {
  readonly secret: CertificateSecret;
  readonly configurations: readonly (readonly [ResourceType, WebhookConfiguration])[];
}

const RETRY_MS = 5_000;

/**
 * Keeps the certificate of the webhooks valid and trusted, in the leader. Each round reads what is, and takes the one step
 * that `planCertificates` names; each write is refused when somebody else wrote meanwhile.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions & { now: () => number; times: CertificateTimes };
  #waiting = new AbortController();

  constructor(options: CertificateKeeperOptions) {
    this.#options = { now: () => Date.now(), times: CERTIFICATE_TIMES, ...options };
  }

  /** The Secret or a configuration has changed. */
  lookAgain(): void {
    this.#waiting.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#waiting = new AbortController();
      const waitMs = await this.#round(signal).catch((error: unknown) => {
        if (!signal.aborted)
          this.#options.log.warn({ err: error }, 'the certificate of the webhooks is not kept, trying again');
        return RETRY_MS;
      });
      if (waitMs > 0) await delay(systemClock, waitMs, AbortSignal.any([signal, this.#waiting.signal]));
    }
  }

  /** @returns when to look again, ms */
  async #round(signal: AbortSignal): Promise<number> {
    const { names, now, times, log } = this.#options;
    const observed = await this.#observe(signal);
    const stored = readCertificates(observed.secret, names);
    const published = observed.configurations.flatMap(([, { webhooks = [] }]) =>
      webhooks.map(({ clientConfig: { caBundle = '' } }) => Buffer.from(caBundle, 'base64').toString('utf8')),
    );
    const { step, lookAgainMs } = planCertificates(stored, published, now(), times);
    if (!step) return lookAgainMs;
    if (step.kind === 'publish') await this.#publish(observed, stored.bundle.join(''), signal);
    else await this.#store(observed.secret, await this.#after(step, stored), signal);
    log.info({ step: step.kind, secret: keyToString(this.#options.secret) }, 'certificate of the webhooks');
    return lookAgainMs;
  }

  async #observe(signal: AbortSignal): Promise<Observed> {
    const { client, secret: key, configuration } = this.#options;
    const secret = await client.get<CertificateSecret>(SECRETS, key, { signal });
    if (!secret)
      throw new Error(
        `Secret ${keyToString(key)}: not found, so no webhook can be served; upgrade or install the chart`,
      );
    const configurations: [ResourceType, WebhookConfiguration][] = [];
    for (const type of [VALIDATING_WEBHOOK_CONFIGURATIONS, MUTATING_WEBHOOK_CONFIGURATIONS]) {
      // oxlint-disable-next-line no-await-in-loop -- two
      const found = await client.get<WebhookConfiguration>(type, { name: configuration }, { signal });
      if (found) configurations.push([type, found]);
    }
    return { secret, configurations };
  }

  async #publish({ configurations }: Observed, bundle: string, signal: AbortSignal): Promise<void> {
    const caBundle = Buffer.from(bundle).toString('base64');
    for (const [type, { metadata, webhooks = [] }] of configurations) {
      const { name, resourceVersion } = metadata;
      const trusting = webhooks.map(({ clientConfig, ...webhook }) => ({
        ...webhook,
        clientConfig: { ...clientConfig, caBundle },
      }));
      const patch = { metadata: { resourceVersion }, webhooks: trusting };
      // oxlint-disable-next-line no-await-in-loop -- two
      await this.#options.client.mergePatch(type, { name }, patch, { signal });
    }
  }

  async #store(secret: CertificateSecret, stored: StoredCertificates, signal: AbortSignal): Promise<void> {
    const { client, secret: key } = this.#options;
    await client.mergePatch(SECRETS, key, certificatesPatch(secret, stored), { signal });
  }

  async #after({ kind }: CertificateStep, stored: StoredCertificates): Promise<StoredCertificates> {
    const nowMs = this.#options.now();
    const { served, next } = stored;
    switch (kind) {
      case 'begin': {
        const fresh = await this.#issue(nowMs);
        return { served: fresh, next: undefined, bundle: [fresh.ca], publishedAtMs: undefined, servedAtMs: nowMs };
      }
      case 'prepare': {
        const fresh = await this.#issue(nowMs);
        return { ...stored, next: fresh, bundle: [served!.ca, fresh.ca], publishedAtMs: undefined };
      }
      case 'notePublished':
        return { ...stored, publishedAtMs: nowMs };
      case 'promote':
        return { ...stored, served: next, next: undefined, publishedAtMs: undefined, servedAtMs: nowMs };
      case 'retire':
        return { ...stored, bundle: [served!.ca] };
      case 'publish':
        return stored;
      default:
        return kind satisfies never;
    }
  }

  async #issue(nowMs: number): Promise<StoredLeaf> {
    const { names, times, issue = (await import('./issue.ts')).issueLeaf } = this.#options;
    const { validMs } = times;
    const leaf = await issue({ names, nowMs, validMs });
    return { ...leaf, notBeforeMs: nowMs, notAfterMs: nowMs + validMs, fits: true };
  }
}
