import { countSlots, isSlot, newestSlots, type Timetable } from './slots.ts';

/** Slots that a status names: the newest of those that were skipped. */
export const MOST_NAMED = 10;

/** What is known of the slots so far, in ms since 1970. */
export interface SlotHistory {
  /** Every slot until then is decided: its backup was created, or it was skipped. */
  readonly decidedMs: number;
  /** Slots after that for which there is a backup nonetheless: their status was not written, or is not seen yet. */
  readonly taken: ReadonlySet<number>;
}

export interface SlotRules {
  readonly suspended: boolean;
  /** As many backups of the schedule have not ended as there may be. */
  readonly blocked: boolean;
  /** How late a backup may begin. Absent: a slot waits until the next one comes. */
  readonly deadlineMs?: number | undefined;
}

export interface SlotDecision {
  /** The slot for which a backup is to be created now. */
  readonly due?: number;
  /** The slot whose backup waits until another one has ended. */
  readonly waiting?: number;
  /** The newest slot for which there is a backup. */
  readonly newestTaken?: number;
  /** Slots whose backup is not taken any more. */
  readonly skipped: SkippedSlots;
}

export interface SkippedSlots {
  readonly count: number;
  /** The newest first, ten at most. */
  readonly latest: readonly number[];
}

export const NONE_SKIPPED: SkippedSlots = { count: 0, latest: [] };

/**
 * What becomes of the slots that are not decided yet. Pure. Only the newest is ever due: a backup that is taken now has
 * what is there now, so one for each slot that passed would be the same over and over. What is decided is never decided
 * again, as long as `taken` and the status that is made from this are kept.
 */
export function decideSlots(table: Timetable, history: SlotHistory, rules: SlotRules, nowMs: number): SlotDecision {
  const { decidedMs, taken } = history;
  const [newest, second] = newestSlots(table, decidedMs, nowMs, 2);
  if (newest === undefined) return { skipped: NONE_SKIPPED };
  const ofTaken = [...taken].filter((slot) => slot > decidedMs && slot <= nowMs && isSlot(table, slot));
  const newestTaken = ofTaken.length > 0 ? Math.max(...ofTaken) : undefined;
  const known = newestTaken === undefined ? {} : { newestTaken };
  const skippedUntil = (untilMs: number | undefined): SkippedSlots =>
    untilMs === undefined ? NONE_SKIPPED : skippedSlots(table, decidedMs, untilMs, ofTaken);
  if (newestTaken === newest) return { ...known, skipped: skippedUntil(newest) };
  if (rules.suspended) return { ...known, skipped: skippedUntil(newestTaken) };
  if (rules.deadlineMs !== undefined && nowMs - newest > rules.deadlineMs)
    return { ...known, skipped: skippedUntil(newest) };
  return { ...known, skipped: skippedUntil(second), [rules.blocked ? 'waiting' : 'due']: newest };
}

/** @param taken those of them that have a backup. */
function skippedSlots(table: Timetable, afterMs: number, untilMs: number, taken: readonly number[]): SkippedSlots {
  const ofTaken = taken.filter((slot) => slot <= untilMs);
  const newest = newestSlots(table, afterMs, untilMs, MOST_NAMED + ofTaken.length);
  return {
    count: countSlots(table, afterMs, untilMs) - ofTaken.length,
    latest: newest.filter((slot) => !ofTaken.includes(slot)).slice(0, MOST_NAMED),
  };
}
