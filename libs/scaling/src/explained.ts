import type { Hold, Instant, PoolObservation, PoolSpecView } from './model/types.ts';
import type { PoolSize } from './size.ts';

/** A decision and everything that its sentence reports. */
export interface Explained {
  readonly pool: PoolSpecView;
  readonly observation: PoolObservation;
  readonly size: PoolSize;
  /** What the demand asks for, unbounded. */
  readonly wanted: number;
  readonly desired: number;
  /** What keeps the size from following the demand that is seen. */
  readonly heldBy: Hold | undefined;
  /** How much of what the size rests on was measured, 0..1. */
  readonly confidence: number;
  /** How long the pool has been watched without a gap. */
  readonly watchedMs: number;
  /** When the pool can shrink if the demand stays as it is. */
  readonly shrinksAtMs: Instant;
  readonly nowMs: Instant;
}
