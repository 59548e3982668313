import type { OwnedDrill } from './drills.ts';
import type { OwnedBackup } from './retention.ts';

/** Drills that have ended and stay, the newest. */
export const RETAINED_DRILLS = 3;

/** What the status tells of drills. All times are Unix ms. */
export interface DrillHistory {
  /** Slot of the newest backup for which a drill was created; undefined: none was. */
  readonly slotMs: number | undefined;
  /** When that was. */
  readonly createdMs: number | undefined;
  /** The newest that ended has failed. */
  readonly failing: boolean;
}

export interface DrillRules {
  /** The least time between two drills that succeed; absent: none. */
  readonly everyMs?: number | undefined;
}

export interface DrillDecision {
  /** Name of the backup for which a drill is to be created now. */
  readonly due?: string;
  /** When one may be, in Unix ms. */
  readonly atMs?: number;
}

/**
 * Which backup is to be tried now. Pure. The newest that completed and no other: an older one tells less. One that was
 * tried is never tried again, as long as the drills and the status that is made from them are kept. After a drill that
 * failed the next backup is tried as soon as it completes.
 */
export function decideDrill(
  backups: readonly OwnedBackup[],
  drills: readonly OwnedDrill[],
  history: DrillHistory,
  { everyMs = 0 }: DrillRules,
  nowMs: number,
): DrillDecision {
  if (drills.some(({ state, deleting }) => state === 'unfinished' || deleting)) return {};
  const good = backups.filter(({ state, deleting }) => state === 'good' && !deleting);
  const newest = good.toSorted((a, b) => b.slotMs - a.slotMs)[0];
  const triedMs = Math.max(history.slotMs ?? -Infinity, ...drills.map(({ slotMs }) => slotMs));
  if (!newest || newest.slotMs <= triedMs) return {};
  const createdMs = Math.max(history.createdMs ?? -Infinity, ...drills.map((drill) => drill.createdMs ?? -Infinity));
  const atMs = createdMs + everyMs;
  return history.failing || atMs <= nowMs ? { due: newest.name } : { atMs };
}

/** Drills that have ended, but for the newest few; the oldest first. Pure. */
export function oldDrills(drills: readonly OwnedDrill[]): OwnedDrill[] {
  return drills
    .filter(({ state, deleting }) => state !== 'unfinished' && !deleting)
    .toSorted((a, b) => b.slotMs - a.slotMs)
    .slice(RETAINED_DRILLS)
    .toReversed();
}
