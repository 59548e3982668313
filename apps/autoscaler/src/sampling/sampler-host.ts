import type { WatchedQueue } from '../watching/topology.ts';

/** Who decides on what was sampled. */
export interface SamplerHost {
  /** Whether the pool has no pods and is to have none. */
  isAtZero(poolKey: string): boolean;
  /** How long the pool's pods take to start, as it was measured, ms; undefined: it was not yet. */
  podStartMs(poolKey: string): number | undefined;
  /** A sample was moved to before the time that `nextDueMs` returned. */
  onRescheduled(): void;
  /**
   * These queues were just sampled, or could not be for a reason that is news.
   *
   * @param markDecided to be called when a change of size that follows from these samples is on the bus.
   * @returns resolves when the sizes of their pools are decided.
   */
  onSampled(queues: readonly WatchedQueue[], markDecided: () => void): Promise<void>;
}
