import { describe, expect, it } from 'vitest';
import { ago, backupObject, NOW } from '../testing/objects.ts';
import { RunFailure } from './failure.ts';
import { InterruptedError } from './interrupted-error.ts';
import { backoffDueMs, deadlineDueMs, deletionDueMs } from './run-objects.ts';
import { runFields } from './run-status.ts';
import type { RunState } from './runs.ts';
import { problemOfStage, stageOf } from './stage.ts';

type Run = RunState<unknown, unknown>;
const waiting: Run = { task: 'backup', phase: 'waiting' };
const running: Run = { task: 'backup', phase: 'running' };
const succeeded: Run = { task: 'backup', phase: 'ended', end: { ok: true, result: 1, tookMs: 1 } };
const failed = (error: unknown): Run => ({ task: 'backup', phase: 'ended', end: { ok: false, error, tookMs: 1 } });
const full = failed(new RunFailure({ reason: 'StorageFull', message: 'no room' }));
const begun = { startTime: ago(100), phase: 'Running' } as const;

const waitMs = (failures: number): number => backoffDueMs(backupObject({}, { failures, lastFailureTime: ago(0) }), NOW);

describe('where an object is', () => {
  it.each([
    ['due', {}, undefined, undefined],
    ['waiting', {}, undefined, waiting],
    ['running', {}, begun, running],
    ['due', {}, begun, undefined],
    ['succeeded', {}, begun, succeeded],
    ['failed', {}, begun, full],
    ['due', {}, begun, failed(new InterruptedError('the controller stops'))],
    ['backingOff', {}, { ...begun, failures: 1, lastFailureTime: ago(9) }, undefined],
    ['due', {}, { ...begun, failures: 1, lastFailureTime: ago(10) }, undefined],
    ['backingOff', {}, { ...begun, failures: 3, lastFailureTime: ago(39) }, undefined],
    // By a clock that was wrong.
    ['due', {}, { ...begun, failures: 1, lastFailureTime: ago(-600) }, undefined],
    ['late', { activeDeadlineSeconds: 100 }, begun, running],
    ['running', { activeDeadlineSeconds: 101 }, begun, running],
    ['succeeded', { activeDeadlineSeconds: 100 }, begun, succeeded],
    ['ended', {}, { ...begun, completionTime: ago(1) }, running],
  ] as const)('%s with %j, %j', (stage, spec, status, run) => {
    expect(stageOf(backupObject(spec, status), run, NOW)).toBe(stage);
  });

  it.each([
    ['returning', 59, undefined],
    ['returned', 60, undefined],
    ['returned', 5, { ...begun, observedGeneration: 1 }],
    ['due', 200, { ...begun, observedGeneration: 1 }],
    ['ended', 5, { ...begun, observedGeneration: 1, completionTime: ago(90) }],
  ] as const)('%s where Velero created it %i s ago with %j', (stage, created, status) => {
    const more = { creationTimestamp: ago(created), labels: { 'velero.io/restore-name': 'r1' } };
    const object = backupObject({}, status, more);
    expect(stageOf(object, undefined, NOW)).toBe(stage);
    expect(runFields(object, stage, NOW).phase === 'Failed').toBe(stage === 'returned');
    expect(problemOfStage(object, stage, undefined, NOW)?.reason === 'RestoredByVelero').toBe(stage === 'returned');
  });

  it('waits twice as long after each failure, from 10 s up to 6 minutes', () => {
    expect([1, 2, 3, 6, 7, 50].map(waitMs)).toEqual([10_000, 20_000, 40_000, 320_000, 360_000, 360_000]);
  });

  it('is deleted ttlSecondsAfterFinished after its end, not before and not without', () => {
    const ended = { completionTime: ago(60) };
    expect(deletionDueMs(backupObject({ ttlSecondsAfterFinished: 90 }, ended), NOW)).toBe(30_000);
    expect(deletionDueMs(backupObject({ ttlSecondsAfterFinished: 60 }, ended), NOW)).toBe(0);
    expect(deletionDueMs(backupObject({}, ended), NOW)).toBeUndefined();
    expect(deletionDueMs(backupObject({ ttlSecondsAfterFinished: 1 }), NOW)).toBeUndefined();
  });

  it('has no deadline once it has ended', () => {
    const spec = { activeDeadlineSeconds: 1 };
    expect(deadlineDueMs(backupObject(spec, begun), NOW)).toBe(0);
    expect(deadlineDueMs(backupObject(spec, { ...begun, completionTime: ago(1) }), NOW)).toBeUndefined();
  });
});

describe('a run that failed', () => {
  it('is told by its reason and tried again, as often as backoffLimit says', () => {
    const before = backupObject({ backoffLimit: 2 }, { ...begun, failures: 1, lastFailureTime: ago(60) });
    expect(problemOfStage(before, 'failed', full, NOW)).toEqual({ reason: 'StorageFull', message: 'no room' });
    expect(runFields(before, 'failed', NOW)).toMatchObject({ phase: 'Pending', failures: 2, lastFailureTime: ago(0) });
    const last = backupObject({ backoffLimit: 2 }, { ...begun, failures: 2, lastFailureTime: ago(60) });
    expect(problemOfStage(last, 'failed', full, NOW)).toEqual({
      reason: 'BackoffLimitExceeded',
      message: '3 runs failed, and spec.backoffLimit is 2; the last one: StorageFull: no room',
    });
    expect(runFields(last, 'failed', NOW)).toMatchObject({ phase: 'Failed', failures: 3, completionTime: ago(0) });
  });
});
