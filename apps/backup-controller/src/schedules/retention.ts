/** How many backups of a schedule stay, as the spec has it in units of the code. */
export interface Retention {
  readonly count?: number | undefined;
  readonly maxAgeMs?: number | undefined;
  /** At least 1. */
  readonly keepLastGood: number;
}

/** A backup of the schedule, as far as retention and the slots depend on it. */
export interface OwnedBackup {
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Unix ms of the slot that it was created for. */
  readonly slotMs: number;
  readonly state: 'unfinished' | 'good' | 'failed';
  /** Unix ms; undefined while it is unfinished. */
  readonly endedMs: number | undefined;
  /** It is going already. */
  readonly deleting: boolean;
  /** Why it failed: the reason of its condition Ready. */
  readonly reason: string;
  readonly message: string;
  /** Names of queues that it has. */
  readonly queues?: readonly string[];
  /** Names of those that it was to have and could not read. */
  readonly leftOut?: readonly string[];
  /** A QueueRestore reads it, or is about to. */
  readonly isRead?: boolean;
}

/**
 * Which backups are over the limits, the oldest first. Pure. Those that completed and those that failed are counted by
 * themselves, so that failures push no good backup out. What has not ended is never deleted, and neither are the newest
 * `keepLastGood` that completed, however old they are: a failed or running one is no replacement. Nor is the newest that a
 * drill has proven to be good: those after it may be of no use. Of a queue that one of the newest does not have, the newest
 * `keepLastGood` stay that have it. What a restore reads stays until that has ended.
 *
 * @param verified names of backups that a drill has restored; none where there are no drills.
 */
export function expiredBackups(
  backups: readonly OwnedBackup[],
  retention: Retention,
  verified: ReadonlySet<string>,
  nowMs: number,
): OwnedBackup[] {
  const good = newestFirst(backups, 'good');
  const proven = good.find(({ name }) => verified.has(name));
  const retained = retainedGood(good, retention);
  const expired = [...good.filter((backup) => !retained.has(backup)), ...newestFirst(backups, 'failed')];
  const beyond = new Set(
    [good, newestFirst(backups, 'failed')].flatMap((each) => each.slice(retention.count ?? Infinity)),
  );
  return expired
    .filter((backup) => !backup.isRead && backup !== proven)
    .filter((backup) => beyond.has(backup) || expiryMs(backup, retention) <= nowMs)
    .toSorted((a, b) => a.slotMs - b.slotMs);
}

/** When the next backup grows too old, in Unix ms; Infinity: none does. */
export function nextExpiryMs(backups: readonly OwnedBackup[], retention: Retention, nowMs: number): number {
  const good = newestFirst(backups, 'good');
  const retained = retainedGood(good, retention);
  const ageing = [...good.filter((backup) => !retained.has(backup)), ...newestFirst(backups, 'failed')];
  const later = ageing.map((backup) => expiryMs(backup, retention)).filter((ms) => ms > nowMs);
  return later.reduce((soonest, ms) => Math.min(soonest, ms), Infinity);
}

/** Those that stay whatever the limits say. @param good the newest first. */
function retainedGood(good: readonly OwnedBackup[], { keepLastGood }: Retention): ReadonlySet<OwnedBackup> {
  const newest = good.slice(0, keepLastGood);
  const lacking = new Set(newest.flatMap(({ leftOut = [] }) => leftOut));
  const having = [...lacking].flatMap((name) =>
    good.filter(({ queues = [] }) => queues.includes(name)).slice(0, keepLastGood),
  );
  return new Set([...newest, ...having]);
}

function newestFirst(backups: readonly OwnedBackup[], state: 'good' | 'failed'): OwnedBackup[] {
  return backups.filter((backup) => backup.state === state && !backup.deleting).toSorted((a, b) => b.slotMs - a.slotMs);
}

function expiryMs({ endedMs }: OwnedBackup, { maxAgeMs }: Retention): number {
  return maxAgeMs === undefined || endedMs === undefined ? Infinity : endedMs + maxAgeMs;
}
