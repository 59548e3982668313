import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { Informer } from '../cache/informer.ts';
import { isAlreadyExists, isConflict, WritesStoppedError } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import { delay, type Clock } from '../time/clock.ts';
import { LEASES, type ObjectKey } from '../objects/resources.ts';
import { ObservedLease, acquired, released, renewed, type Lease } from './lease.ts';
import type { LeaderElectionOptions } from './types.ts';

export interface LeaderElectorDependencies {
  client: KubeClient;
  log: Logger;
  clock: Clock;
  random?: () => number;
  /** Wall time, for what people read in the lease. */
  wallTime?: () => Date;
}

/** Somebody else may lead by now: the process must end at once. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

const JITTER = 0.2;

/** One candidate for one Lease. */
export class LeaderElector {
  readonly identity: string;
  readonly #options: Required<Omit<LeaderElectionOptions, 'identity'>>;
  readonly #deps: LeaderElectorDependencies;
  readonly #key: ObjectKey;
  #held: Lease | undefined;
  #renewedAt = 0;

  constructor(options: LeaderElectionOptions, deps: LeaderElectorDependencies) {
    this.identity = options.identity ?? `${hostname()}_${randomUUID()}`;
    this.#options = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...options };
    const { leaseDurationMs, renewDeadlineMs, retryPeriodMs, leaseName, namespace } = this.#options;
    if (leaseDurationMs <= renewDeadlineMs || renewDeadlineMs <= retryPeriodMs * (1 + JITTER)) {
      throw new Error(
        `Lease ${namespace}/${leaseName}: leaseDurationMs (${leaseDurationMs}) must exceed renewDeadlineMs (${renewDeadlineMs}), ` +
          `and that retryPeriodMs (${retryPeriodMs}) by more than ${JITTER * 100} %.`,
      );
    }
    this.#deps = deps;
    this.#key = { namespace, name: leaseName };
  }

  /** Resolves with true when the lease is ours, with false when `signal` aborted before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { client, log, clock } = this.#deps;
    const stopWatching = new AbortController();
    const informer = new Informer<Lease>({
      client,
      type: LEASES,
      selection: { namespace: this.#key.namespace, fieldSelector: `metadata.name=${this.#key.name}` },
      log,
      clock,
    });
    const observed = new ObservedLease();
    let wake = new AbortController();
    // Waiting for the change, not for the next try: a lease given back is taken within milliseconds.
    informer.onChange((event, lease) => {
      observed.observe(event === 'delete' ? undefined : lease, clock.now());
      wake.abort();
    });
    const following = informer.run(AbortSignal.any([signal, stopWatching.signal]));
    try {
      await informer.whenSynced(signal).catch(() => undefined);
      if (observed.remainingMs(clock.now(), this.identity) > 0) {
        log.info({ lease: this.#key, holder: observed.lease?.spec?.holderIdentity }, 'waiting for the lease');
      }
      while (!signal.aborted) {
        wake = new AbortController();
        const remainingMs = observed.remainingMs(clock.now(), this.identity);
        if (remainingMs === 0 && (await this.#tryAcquire(observed.lease))) return true;
        // After a lost race or a failed try the watch reports the winner; the retry period is for when it reports
        // nothing.
        const waitMs = remainingMs === 0 ? this.#retryMs() : remainingMs;
        await delay(clock, waitMs, AbortSignal.any([signal, wake.signal]));
      }
      return false;
    } finally {
      stopWatching.abort();
      await following;
    }
  }

  /**
   * Renews until `signal` aborts. Leadership is a deadline: a timer of its own keeps it, whatever becomes of the requests.
   *
   * @throws LeaseLostError when another holds it or it could not be renewed in time
   */
  async hold(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    const stop = new AbortController();
    const ended = AbortSignal.any([signal, stop.signal]);
    try {
      await Promise.race([this.#renewUntil(ended), this.#deadlinePassed(ended)]);
    } finally {
      stop.abort();
    }
    if (!signal.aborted && clock.now() >= this.#deadline) throw this.#lost();
  }

  /** @throws WritesStoppedError when the lease may be another's by now; called before each write, as timers may be late. */
  assertHeld(): void {
    if (this.#held !== undefined && this.#deps.clock.now() < this.#deadline) return;
    throw new WritesStoppedError(`${this.#title} is not ours any more; nothing is written.`);
  }

  async #renewUntil(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#deps;
    while (!signal.aborted) {
      await delay(clock, this.#options.retryPeriodMs, signal);
      if (signal.aborted) return;
      try {
        await this.#renew(this.#deadline);
      } catch (error) {
        if (error instanceof LeaseLostError) throw error;
        if (clock.now() >= this.#deadline) throw this.#lost(error);
        log.warn({ err: error, lease: this.#key }, 'lease not renewed, trying again');
      }
    }
  }

  /** Resolves when the lease has not been renewed in time, or `signal` aborts. */
  async #deadlinePassed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!signal.aborted && clock.now() < this.#deadline) await delay(clock, this.#deadline - clock.now(), signal);
  }

  get #deadline(): number {
    return this.#renewedAt + this.#options.renewDeadlineMs;
  }

  #lost(cause?: unknown): LeaseLostError {
    const message = `${this.#title} could not be renewed for ${this.#options.renewDeadlineMs / 1000} s.`;
    return new LeaseLostError(message, { cause });
  }

  /** Gives the lease back, so that another need not wait for it to run out. Never throws. */
  async release(): Promise<void> {
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    const signal = AbortSignal.timeout(2_000);
    const update = (lease: Lease): Promise<Lease> =>
      this.#deps.client.update(LEASES, released(lease, this.#now()), { signal });
    try {
      await update(held).catch(async (error: unknown) => {
        // A renewal that was under way when the stop came may have arrived since.
        const current = isConflict(error)
          ? await this.#deps.client.get<Lease>(LEASES, this.#key, { signal })
          : undefined;
        if (current?.spec?.holderIdentity !== this.identity) throw error;
        return await update(current);
      });
      this.#deps.log.info({ lease: this.#key }, 'lease released');
    } catch (error) {
      this.#deps.log.warn({ err: error, lease: this.#key }, 'lease not released; it runs out by itself');
    }
  }

  async #tryAcquire(lease: Lease | undefined): Promise<boolean> {
    const { client, log, clock } = this.#deps;
    const startedAt = clock.now();
    const signal = AbortSignal.timeout(Math.ceil(this.#options.renewDeadlineMs / 2));
    const wanted = acquired(lease ?? this.#newLease(), this.identity, this.#options.leaseDurationMs, this.#now());
    try {
      this.#held = lease
        ? await client.update(LEASES, wanted, { signal })
        : await client.create(LEASES, wanted, { signal });
    } catch (error) {
      // Another candidate was faster, which is what the resourceVersion is for.
      if (!isConflict(error) && !isAlreadyExists(error))
        log.warn({ err: error, lease: this.#key }, 'lease not acquired');
      return false;
    }
    this.#renewedAt = startedAt;
    log.info({ lease: this.#key, identity: this.identity }, 'lease acquired');
    return true;
  }

  async #renew(deadline: number): Promise<void> {
    const { client, clock } = this.#deps;
    const startedAt = clock.now();
    // A hanging request must not outlive the deadline, and leaves time for a second try. AbortSignal takes whole ms
    // only.
    const timeoutMs = Math.max(1, Math.floor(Math.min(this.#options.renewDeadlineMs / 2, deadline - startedAt)));
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      this.#held = await client.update(LEASES, renewed(this.#held as Lease, this.#now()), { signal });
    } catch (error) {
      if (!isConflict(error)) throw error;
      const current = await client.get<Lease>(LEASES, this.#key, { signal });
      if (current?.spec?.holderIdentity !== this.identity) {
        this.#held = undefined;
        throw new LeaseLostError(`${this.#title} is held by ${current?.spec?.holderIdentity || 'nobody'} now.`);
      }
      // Somebody labelled it, or our last renewal did arrive though its answer did not.
      this.#held = await client.update(LEASES, renewed(current, this.#now()), { signal });
    }
    this.#renewedAt = startedAt;
  }

  get #title(): string {
    return `Lease ${this.#key.namespace}/${this.#key.name}`;
  }

  #newLease(): Lease {
    const { namespace, leaseName: name } = this.#options;
    return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name } };
  }

  #retryMs(): number {
    return this.#options.retryPeriodMs * (1 + JITTER * (this.#deps.random ?? Math.random)());
  }

  #now(): Date {
    return this.#deps.wallTime?.() ?? new Date();
  }
}
