import type { DueJobs, Instant } from './model/types.ts';

/** What an announcement weighs when the next one has come due. */
const REMEMBERED = 0.85;

/** Jobs that were said to be due by a time, and how many had become ready when it was said. */
interface Announcement {
  readonly dueMs: Instant;
  readonly jobs: number;
  readonly readied: number;
}

/** How far it is ahead of which jobs are announced: what was announced last, and what came of those before. */
interface Ahead {
  readonly open?: Announcement;
  readonly announced: number;
  readonly came: number;
}

/** What comes of the jobs that are due soon: a debounced job is put off with each add, again and again. */
export interface Announced {
  /** Jobs that have become ready since it is watched. */
  readonly readied: number;
  /** One for each time of `dueBy`. */
  readonly ahead: readonly Ahead[];
}

/**
 * Follows what was announced until it is due: of each time ahead one announcement after the other.
 *
 * @param newlyReady jobs that became ready since the sample before.
 * @returns undefined while nothing has ever been due soon.
 */
export function observeAnnounced(
  before: Announced | undefined,
  dueBy: readonly DueJobs[],
  newlyReady: number,
  nowMs: Instant,
): Announced | undefined {
  if (before === undefined && dueBy.length === 0) return undefined;
  const readied = (before?.readied ?? 0) + newlyReady;
  const count = Math.max(before?.ahead.length ?? 0, dueBy.length);
  const ahead = Array.from({ length: count }, (_, at): Ahead => {
    const known = closed(before?.ahead[at] ?? { announced: 0, came: 0 }, readied, nowMs);
    const due = dueBy[at];
    if (known.open !== undefined || due === undefined || due.jobs === 0) return known;
    return { ...known, open: { dueMs: nowMs + due.withinMs, jobs: due.jobs, readied } };
  });
  return { readied, ahead };
}

/** Jobs that were announced have become ready by the time they are due, and maybe others too. */
function closed(ahead: Ahead, readied: number, nowMs: Instant): Ahead {
  const { open, announced, came } = ahead;
  if (open === undefined || nowMs < open.dueMs) return ahead;
  return {
    announced: announced * REMEMBERED + open.jobs,
    came: came * REMEMBERED + Math.min(open.jobs, readied - open.readied),
  };
}

/** The share of the announced jobs that came by their time, for each time of `dueBy`; 1 while it is not known. */
export function sharesThatCame({ ahead }: Announced): number[] {
  return ahead.map(({ announced, came }) => (announced > 0 ? came / announced : 1));
}
