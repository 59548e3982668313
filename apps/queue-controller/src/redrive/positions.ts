import type { LetterCursor, RedrivePlan } from '@redis-queue/bullmq';
import type { ObjectMemory } from '@redis-queue/controller';

/** How far a redrive has read. It saves reading: who has lost it begins again, and comes to the same end. */
export type Position =
  | { readonly phase: 'counting'; readonly counted: RedrivePlan }
  | {
      readonly phase: 'redriving';
      readonly cursor?: LetterCursor;
      readonly skipped: Skipped;
      /** How many letters were back by then: where fewer are, a failover has brought some again that it has passed. */
      readonly redriven: number;
    };

/** Letters that match and were left where they are, since the last time that it began at the oldest. */
export interface Skipped {
  readonly exists: number;
  readonly again: number;
}

/** The positions of the redrives that run, by uid. */
export class Positions implements ObjectMemory {
  readonly #positions = new Map<string, { readonly way: string; readonly position: Position }>();

  /** @param way the key of the Redis and user by which it was read: in another Redis nothing has been. */
  of(uid: string, way: string): Position | undefined {
    const known = this.#positions.get(uid);
    return known?.way === way ? known.position : undefined;
  }

  set(uid: string, way: string, position: Position): void {
    this.#positions.set(uid, { way, position });
  }

  forget(uid: string): void {
    this.#positions.delete(uid);
  }
}
