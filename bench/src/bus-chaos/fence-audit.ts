import { compareFence, DECISION_ANNOTATION, formatFence, parseFence, type Fence } from '@redis-queue/scaling-bus';

/** The parts of a Deployment that show which decision its size comes from. */
export interface FencedDeployment {
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
  readonly spec: { readonly replicas?: number };
}

/** What the decisions were; a `ChaosPlan`. */
export interface Decisions {
  sizeOf(pool: string, fence: string): number | undefined;
  hadExpired(pool: string, fence: string): boolean;
}

/**
 * Checks every revision of every Deployment: fences only rise, and each goes with the size that was decided under it.
 */
export class FenceAudit {
  /** Revisions whose fence is older than the one before, or has gone. */
  fenceRegressions = 0;
  /** Revisions whose size is not the one decided under their fence. */
  wrongPairs = 0;
  /** Fences of decisions that had expired before they came onto the bus. */
  expiredApplied = 0;
  /** Different fences seen: decisions that changed a size. */
  applied = 0;
  readonly #newest = new Map<string, Fence>();
  readonly #decisions: Decisions;

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
  }

  see({ metadata, spec }: FencedDeployment): void {
    const { name, annotations } = metadata;
    const fence = parseFence(annotations?.[DECISION_ANNOTATION]);
    const before = this.#newest.get(name);
    if (!fence || (before && compareFence(fence, before) < 0)) {
      if (before) this.fenceRegressions++;
      return;
    }
    const text = formatFence(fence);
    // the size before any decision is the pool's own
    if (fence.epoch > 0 && this.#decisions.sizeOf(name, text) !== spec.replicas) this.wrongPairs++;
    if (!before || compareFence(fence, before) === 0) {
      this.#newest.set(name, fence);
      return;
    }
    this.#newest.set(name, fence);
    this.applied++;
    if (this.#decisions.hadExpired(name, text)) this.expiredApplied++;
  }
}
