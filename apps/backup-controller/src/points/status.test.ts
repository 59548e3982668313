import { findCondition } from '@redis-queue/controller';
import { expect, it } from 'vitest';
import type { BackupObject } from '../backups/steps.ts';
import { RunFailure } from '../runs/failure.ts';
import { ago, NOW } from '../testing/objects.ts';
import { planPoints } from './plan.ts';
import { pointsStatus } from './status.ts';
import { PointTask, type ObservedPoints } from './steps.ts';
import { chain, ended, incremental, taken } from './testing.fixture.ts';

const statusOf = (backup: BackupObject, more: Partial<ObservedPoints>) => {
  const observed: ObservedPoints = { stage: 'resting', next: { chain: 1, point: 0 }, ...more };
  const plan = planPoints(backup, observed, NOW);
  return pointsStatus(backup, { observed, plan, problem: plan.problem, done: [] }, NOW);
};
const conditionsOf = ({ conditions = [] }: ReturnType<typeof statusOf>): Record<string, string> =>
  Object.fromEntries(conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]));
const first = taken({ chain: 1, point: 0 });
const failure = ended({ error: new RunFailure({ reason: 'StorageUnreachable', message: 'no answer' }) });

it('has the first point, and goes on saying what there is', () => {
  const status = statusOf(incremental(), { stage: 'succeeded', run: ended({ result: first }) });
  expect(status).toMatchObject({
    phase: 'Running',
    startTime: ago(0),
    jobs: 5,
    bytes: 90,
    storedBytes: 9,
    directory: first.directory,
    manifestSha256: 'sha-new',
    queues: [{ name: 'emails', jobs: { waiting: 5 } }],
    incremental: {
      chains: [{ number: 1, points: 1, directory: first.directory, manifestSha256: 'sha-new' }],
      lastPointTime: new Date(first.timeMs).toISOString(),
      nextPointTime: ago(-29),
    },
  });
  expect(status.completionTime).toBeUndefined();
  expect(conditionsOf(status)).toEqual({
    Ready: 'True PointsTaken',
    Available: 'True PointsTaken',
    Degraded: 'False AsExpected',
  });
  const later = statusOf({ ...incremental(), status }, {});
  expect(later).toEqual(status);
});

it('with the sizes of all points, and of the newest what it has', () => {
  const backup = incremental([chain(2, 30), chain(1, 9_000)]);
  const status = statusOf(backup, { stage: 'succeeded', run: ended({ result: taken({ chain: 2, point: 3 }) }) });
  expect([status.storedBytes, status.bytes, status.incremental?.chains.length]).toEqual([209, 90, 2]);
});

it('before the first point is not ready, and says why', () => {
  const running = statusOf(incremental(), { stage: 'running', run: { task: PointTask.point, phase: 'running' } });
  expect(conditionsOf(running)).toMatchObject({ Ready: 'False BackingUp', Reconciling: 'True BackingUp' });
  const failed = statusOf(incremental(), { stage: 'failed', run: failure });
  expect(conditionsOf(failed)).toMatchObject({ Ready: 'False StorageUnreachable' });
  expect(failed).toMatchObject({ phase: 'Pending', failures: 1, lastFailureTime: ago(0) });
  expect(failed.incremental).toBeUndefined();
});

it('stays ready with points when one fails, is degraded, counts failures, and forgets them with the next point', () => {
  const good = statusOf(incremental(), { stage: 'succeeded', run: ended({ result: first }) });
  const backup = { ...incremental(), status: good };
  const failed = statusOf(backup, { stage: 'failed', run: failure });
  expect(conditionsOf(failed)).toMatchObject({ Ready: 'True PointsTaken', Degraded: 'True StorageUnreachable' });
  expect(failed).toMatchObject({ failures: 1, incremental: good.incremental, jobs: 5 });
  const again = statusOf({ ...backup, status: failed }, { stage: 'failed', run: failure });
  expect(again.failures).toBe(2);
  expect(statusOf({ ...backup, status: again }, { stage: 'backingOff' })).toEqual(again);
  const next = ended({ result: taken({ chain: 1, point: 1 }) });
  const mended = statusOf({ ...backup, status: again }, { stage: 'succeeded', run: next });
  expect(conditionsOf(mended)).toMatchObject({ Ready: 'True PointsTaken', Degraded: 'False AsExpected' });
  expect([mended.failures, mended.lastFailureTime]).toEqual([undefined, undefined]);
});

it('tells when points take longer than from one to the next, until one does not', () => {
  const slow = ended({ result: taken({ chain: 1, point: 0 }, { lastedMs: 30_001 }) });
  const behind = statusOf(incremental(), { stage: 'succeeded', run: slow });
  expect(conditionsOf(behind)).toMatchObject({
    Ready: 'True PointsTaken',
    BehindSchedule: 'True PointsBehindSchedule',
    Degraded: 'True PointsBehindSchedule',
  });
  const backup = { ...incremental(), status: behind };
  expect(statusOf(backup, {})).toEqual(behind);
  const quick = ended({ result: taken({ chain: 1, point: 1 }) });
  const inTime = statusOf(backup, { stage: 'succeeded', run: quick });
  expect(findCondition(inTime.conditions, 'BehindSchedule')).toBeUndefined();
  expect(conditionsOf(inTime)).toMatchObject({ Degraded: 'False AsExpected' });
});

it('loses a chain once that is removed', () => {
  const backup = incremental([chain(2, 20), chain(1, 90_000)], { dueIn: 10 });
  const removal = { task: PointTask.chain, phase: 'ended', end: { ok: true, result: 1, tookMs: 1 } } as const;
  const { incremental: left, storedBytes } = statusOf(backup, { removal });
  expect(left?.chains.map(({ number }) => number)).toEqual([2]);
  expect([left?.nextPointTime, storedBytes]).toEqual([ago(-10), 100]);
});

it('of one that is deleted stays as it was', () => {
  const backup = incremental([chain(1, 20)], {
    status: { phase: 'Running', startTime: ago(99) },
    metadata: { deletionTimestamp: ago(1), finalizers: ['redis-queue.io/backup-data'] },
  });
  const leaving = { ...backup, spec: { ...backup.spec, deletionPolicy: 'Delete' as const } };
  const status = statusOf({ ...leaving, status: { ...backup.status } }, { stage: 'due' });
  expect(status).toMatchObject({ phase: 'Running', startTime: ago(99), incremental: { chains: [{ number: 1 }] } });
  expect(conditionsOf(status)).toMatchObject({ Ready: 'False RemovingBackup' });
});
