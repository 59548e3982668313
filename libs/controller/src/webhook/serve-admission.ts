import type { Manager } from '../manager/types.ts';
import {
  keyToString,
  MUTATING_WEBHOOK_CONFIGURATIONS,
  SECRETS,
  VALIDATING_WEBHOOK_CONFIGURATIONS,
  type ObjectKey,
} from '../objects/resources.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import type { CertificateTimes } from './certificate-plan.ts';
import { servingCertificate, type CertificateSecret } from './certificate-secret.ts';
import type { KindAdmission } from './types.ts';
import { WebhookServer } from './webhook-server.ts';

export interface AdmissionOptions {
  readonly port: number;
  readonly host?: string;
  /** Holds the certificate. */
  readonly secret: ObjectKey & { readonly namespace: string };
  /** By whom the certificate is made: the leader, or whoever writes the Secret, such as cert-manager. */
  readonly certificates: 'own' | 'secret';
  /** Of the webhook configurations. */
  readonly configuration: string;
  /** DNS names by which API servers reach the webhooks. */
  readonly names: readonly string[];
  readonly kinds: readonly KindAdmission[];
  readonly times?: CertificateTimes;
}

/** Requests that are under way end within so long, as no API server waits for longer. */
const DRAIN_MS = 5_000;

/** Serves webhooks on every replica, with a certificate that follows its Secret, and that the leader keeps valid. */
export function serveAdmission(manager: Manager, options: AdmissionOptions): WebhookServer {
  const { port, host, secret, certificates, configuration, names, kinds, times } = options;
  const { client, log, registry } = manager;
  const server = new WebhookServer({ port, registry, log, ...(host !== undefined && { host }) });
  for (const kind of kinds) server.register(kind);
  const cache = manager.cache<CertificateSecret>(SECRETS, {
    namespace: secret.namespace,
    fieldSelector: `metadata.name=${secret.name}`,
  });
  cache.onChange((event, object) => {
    const certificate = event === 'delete' ? undefined : servingCertificate(object);
    if (!certificate) return;
    try {
      server.serve(certificate);
    } catch (error) {
      log.error(
        { err: error, secret: keyToString(secret) },
        'the Secret has no certificate that can be served; the one before is served on',
      );
    }
  });
  manager.runnable({
    name: 'webhooks',
    leaderOnly: false,
    async run(signal) {
      await server.start();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await server.stop(DRAIN_MS);
    },
  });
  manager.addReadyCheck('webhooks', () =>
    server.hasCertificate ? undefined : `waiting for the certificate in Secret ${keyToString(secret)}`,
  );
  if (certificates === 'own') {
    const keeper = new CertificateKeeper({ client, log, secret, configuration, names, ...(times && { times }) });
    cache.onChange(() => keeper.lookAgain());
    for (const type of [VALIDATING_WEBHOOK_CONFIGURATIONS, MUTATING_WEBHOOK_CONFIGURATIONS])
      manager.cache(type, { fieldSelector: `metadata.name=${configuration}` }).onChange(() => keeper.lookAgain());
    manager.runnable({ name: 'webhook certificates', run: (signal) => keeper.run(signal) });
  }
  return server;
}
