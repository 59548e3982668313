import type { Resource } from '../objects/resources.ts';

/** coordination.k8s.io/v1. Times are MicroTime: text with six digits of fraction. */
export interface Lease extends Resource {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** Kubernetes refuses a MicroTime of three digits in some versions, and always prints six. */
export function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

/**
 * A lease as one candidate sees it. Whether it ran out is judged by when *this* process saw it change last, on its own
 * monotonic clock: clocks of different machines are never compared.
 */
export class ObservedLease {
  #lease: Lease | undefined;
  #changedAt = 0;

  get lease(): Lease | undefined {
    return this.#lease;
  }

  observe(lease: Lease | undefined, nowMs: number): void {
    const before = this.#lease?.metadata;
    const now = lease?.metadata;
    const changed = before?.resourceVersion !== now?.resourceVersion || before?.uid !== now?.uid;
    this.#lease = lease;
    if (changed) this.#changedAt = nowMs;
  }

  /**
   * How long the holder must still be respected by `identity`; 0: the lease is free, or its own from before a restart.
   */
  remainingMs(nowMs: number, identity: string): number {
    const spec = this.#lease?.spec;
    if (!spec?.holderIdentity || spec.holderIdentity === identity) return 0;
    return Math.max(0, this.#changedAt + (spec.leaseDurationSeconds ?? 15) * 1000 - nowMs);
  }
}

/** The lease with `identity` as its holder from now on; counts the hand-over. */
export function acquired(lease: Lease, identity: string, durationMs: number, now: Date): Lease {
  const time = microTime(now);
  return {
    ...lease,
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1000),
      acquireTime: time,
      renewTime: time,
      leaseTransitions: lease.spec === undefined ? 0 : (lease.spec.leaseTransitions ?? 0) + 1,
    },
  };
}

export function renewed(lease: Lease, now: Date): Lease {
  return { ...lease, spec: { ...lease.spec, renewTime: microTime(now) } };
}

/** Nobody's: the next candidate need not wait. */
export function released(lease: Lease, now: Date): Lease {
  return { ...lease, spec: { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(now) } };
}
