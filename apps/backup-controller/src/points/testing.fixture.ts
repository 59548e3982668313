import type { BackupChain, IncrementalSpec, QueueBackup } from '@redis-queue/api';
import type { RunEnd } from '../runs/runs.ts';
import { ago, backupObject, NOW } from '../testing/objects.ts';
import type { BackupObject } from '../backups/steps.ts';
import { PointTask, type ObservedPoints, type TakenPoint } from './steps.ts';

/** A chain whose newest point is so many seconds old, and its full one as many more as `more` says. */
export function chain(
  number: number,
  seconds: number,
  more: Partial<BackupChain> & { lasts?: number } = {},
): BackupChain {
  const { lasts = 60, ...rest } = more;
  const directory = `nightly-01234567/c0000${number}/000002-a`;
  const [firstTime, lastTime] = [ago(seconds + lasts), ago(seconds)];
  return {
    number,
    firstTime,
    lastTime,
    points: 3,
    directory,
    manifestSha256: `sha-${number}`,
    storedBytes: 100,
    ...rest,
  };
}

/** An incremental QueueBackup with these chains, the newest first, whose next point is due in so many seconds. */
export function incremental(
  chains: BackupChain[] = [],
  {
    dueIn = 0,
    spec,
    status,
    metadata,
  }: {
    dueIn?: number;
    spec?: Partial<IncrementalSpec>;
    status?: Partial<NonNullable<QueueBackup['status']>>;
    metadata?: Partial<QueueBackup['metadata']>;
  } = {},
): BackupObject {
  const times = { every: '30s', fullEvery: '6h', keep: '24h', ...spec };
  const known = { chains, lastPointTime: chains[0]?.lastTime ?? '', nextPointTime: ago(-dueIn) };
  return backupObject(
    { mode: 'Incremental', incremental: times },
    { ...(chains.length > 0 && { incremental: known }), ...status },
    metadata,
  );
}

/** A point that was taken of the queue emails, a second ago. */
export function taken(point: Pick<TakenPoint, 'chain' | 'point'>, more: Partial<TakenPoint> = {}): TakenPoint {
  const jobs = { waiting: 5, active: 0, delayed: 0, prioritized: 0, waitingChildren: 0, completed: 0, failed: 0 };
  const queue = { name: 'emails', snapshotAt: NOW.getTime() - 1_000, consistent: true, jobs, total: 5, changed: 2 };
  const directory = `nightly-01234567/c0000${point.chain}/00000${point.point}-b`;
  return {
    ...point,
    directory,
    location: `${directory} in file:///backups/shop`,
    formatVersion: 2,
    manifestSha256: 'sha-new',
    queues: [{ ...queue, bytes: 90, storedBytes: 9, sha256: 'ab' }],
    leftOut: [],
    timeMs: NOW.getTime() - 1_000,
    changed: 2,
    beganMs: NOW.getTime() - 1_000,
    lastedMs: 1_000,
    ...more,
  };
}

/** A run of a point that ended. */
export function ended(end: { result: TakenPoint } | { error: unknown }): NonNullable<ObservedPoints['run']> {
  const how = 'result' in end ? { ok: true as const, result: end.result } : { ok: false as const, error: end.error };
  return { task: PointTask.point, phase: 'ended', end: { ...how, tookMs: 5 } as RunEnd<TakenPoint> };
}
