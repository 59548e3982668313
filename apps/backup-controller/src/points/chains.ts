import { incrementalTimes, MOST_CHAINS, MOST_POINTS, type BackupChain, type QueueBackup } from '@redis-queue/api';
import { timestamp } from '@redis-queue/controller';
import { folderOf } from '../backups/files.ts';
import type { NextPoint, PointPlace, PointResult } from '../engine/take-point.ts';

type Backup = Pick<QueueBackup, 'metadata' | 'spec' | 'status'>;

/** The chains of an incremental backup, the newest first. */
export function chainsOf({ status }: Pick<QueueBackup, 'status'>): readonly BackupChain[] {
  return status?.incremental?.chains ?? [];
}

/** What is taken next: a full point, with which a new chain begins, or an increment. Pure, by the status alone. */
export function nextPoint(backup: Backup, now: Date): NextPoint {
  const [newest] = chainsOf(backup);
  if (!newest) return { chain: 1, point: 0 };
  const { number, points, firstTime, beganAt = firstTime, directory, manifestSha256 } = newest;
  const { fullEveryMs } = incrementalTimes(backup.spec.incremental);
  // By the controller's own clock: that of a Redis may be wrong by more than a chain lasts.
  const isYoung = now.getTime() - Date.parse(beganAt) < fullEveryMs;
  // One that Velero has brought back with its status: its points lie in the folder of the object from before.
  const isOwn = directory.split('/').includes(folderOf(backup));
  // A time in the future was written by a wrong clock; the count ends such a chain.
  if (!isOwn || !isYoung || points >= MOST_POINTS) return { chain: number + 1, point: 0 };
  return { chain: number, point: points, previous: { directory, manifestSha256 } };
}

/** After how many ms the next point is due; 0: now. */
export function pointDueMs(backup: Backup, now: Date): number {
  const dueMs = Date.parse(backup.status?.incremental?.nextPointTime ?? '') - now.getTime();
  const { everyMs } = incrementalTimes(backup.spec.incremental);
  // One that is further away was due by a longer interval, or by a wrong clock: it would be so for as long as that was wrong.
  return Number.isNaN(dueMs) || dueMs > everyMs ? 0 : Math.max(dueMs, 0);
}

/** Numbers of the chains that are to be removed, the oldest first; never of the newest chain. */
export function expiredChains(backup: Backup, { now, isRead }: { now: Date; isRead: () => boolean }): number[] {
  const { keepMs } = incrementalTimes(backup.spec.incremental);
  const [, ...older] = chainsOf(backup);
  const retained = lastWithLeftOut(backup);
  const free = older.filter(({ number }) => !retained.has(number));
  // There is always room for the next one.
  const tooMany = free.slice(MOST_CHAINS - 2 - retained.size).map(({ number }) => number);
  const old = free.filter((chain) => isOlder(extendedAt(chain), keepMs, now)).map(({ number }) => number);
  const expired = old.length > 0 && isRead() ? tooMany : [...new Set([...old, ...tooMany])];
  return expired.toSorted((a, b) => a - b);
}

/** Chains that stay for the sake of queues which the newest point does not have, however many those are. */
const MOST_RETAINED = 20;

/** Of each queue that the newest point does not have, the last chain that may have it: what came after is without. */
function lastWithLeftOut({ status }: Backup): ReadonlySet<number> {
  const [newest, ...older] = chainsOf({ status });
  const last = (status?.leftOut ?? []).map(({ since = '' }) => {
    const isBefore = ({ beganAt, firstTime }: BackupChain): boolean =>
      Date.parse(beganAt ?? firstTime) < Date.parse(since);
    return newest && isBefore(newest) ? undefined : older.find(isBefore)?.number;
  });
  const numbers = [...new Set(last.filter((number) => number !== undefined))].toSorted((a, b) => b - a);
  return new Set(numbers.slice(0, MOST_RETAINED));
}

/** When its newest point was begun, as the controller's own clock had it, if that is known. */
export function extendedAt({ extendedAt: time, lastTime }: Pick<BackupChain, 'extendedAt' | 'lastTime'>): string {
  return time ?? lastTime;
}

function isOlder(time: string, ms: number, now: Date): boolean {
  return now.getTime() - Date.parse(time) > ms;
}

/** The chains once a point was taken, or a chain removed. */
export function chainsAfter(
  before: readonly BackupChain[],
  {
    taken,
    removed,
  }: {
    /** With when it was begun, in Unix ms, by the controller's own clock. */
    readonly taken?: (PointResult & { readonly readMs: number }) | undefined;
    readonly removed?: number | undefined;
  },
): BackupChain[] {
  const chains = before.filter(({ number }) => number !== removed);
  if (!taken) return chains;
  const time = new Date(taken.timeMs).toISOString();
  const newest = {
    number: taken.chain,
    lastTime: time,
    extendedAt: timestamp(taken.readMs),
    points: taken.point + 1,
    directory: taken.directory,
    manifestSha256: taken.manifestSha256,
  };
  const bytes = taken.queues.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  const [last, ...rest] = chains;
  if (last && last.number === taken.chain && taken.point > 0)
    return [{ ...last, ...newest, storedBytes: last.storedBytes + bytes }, ...rest];
  return [{ ...newest, firstTime: time, beganAt: newest.extendedAt, storedBytes: bytes }, ...chains].slice(
    0,
    MOST_CHAINS,
  );
}

/** The chains that had begun at a time, or all; the newest first. */
export function chainsUntil(backup: Backup, at: Date | undefined, now: Date): (PointPlace & BackupChain)[] {
  const expired = new Set(expiredChains(backup, { now, isRead: () => false }));
  const retained = chainsOf(backup).filter(({ number }) => !expired.has(number));
  return at === undefined ? retained : retained.filter(({ firstTime }) => Date.parse(firstTime) <= at.getTime());
}
