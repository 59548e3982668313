import { compareFence, type Fence, type ScalingDecision } from '@redis-queue/scaling-bus';

/** A change of size, for status and people. */
export interface Scaling {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

interface Entry {
  decision?: ScalingDecision;
  scalings: Scaling[];
}

const MAX_SCALINGS = 10;

/**
 * What status has still to tell of each pool. Losing it in a crash loses a line of history, never a size: sizes and
 * fences are on the Deployment.
 */
export class DecisionLedger {
  readonly #entries = new Map<string, Entry>();

  /** The newest decision on the pool since this process began. */
  decision(poolUid: string): ScalingDecision | undefined {
    return this.#entries.get(poolUid)?.decision;
  }

  seen(poolUid: string): Fence | undefined {
    return this.decision(poolUid);
  }

  note(decision: ScalingDecision): void {
    const entry = this.#entry(decision.pool.uid);
    if (!entry.decision || compareFence(decision, entry.decision) > 0) entry.decision = decision;
  }

  scaled(poolUid: string, scaling: Scaling): void {
    const entry = this.#entry(poolUid);
    entry.scalings = [scaling, ...entry.scalings].slice(0, MAX_SCALINGS);
  }

  /** Changes of size that status does not tell yet, newest first. */
  untold(poolUid: string): readonly Scaling[] {
    return this.#entries.get(poolUid)?.scalings ?? [];
  }

  /** Status tells of these now. */
  told(poolUid: string, scalings: readonly Scaling[]): void {
    const entry = this.#entries.get(poolUid);
    if (entry) entry.scalings = entry.scalings.filter((scaling) => !scalings.includes(scaling));
  }

  forget(poolUid: string): void {
    this.#entries.delete(poolUid);
  }

  #entry(poolUid: string): Entry {
    const entry = this.#entries.get(poolUid) ?? { scalings: [] };
    this.#entries.set(poolUid, entry);
    return entry;
  }
}
