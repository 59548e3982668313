import type { QueueRedriveStatus } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { planRedrive } from './plan.ts';
import type { RedriveObject } from './redrives.ts';
import { compareStatus, redriveStatus } from './status.ts';
import type { Problem, RedriveProgress } from './steps.ts';
import { NOW, observedPlace, OWNER, redriveObject } from './testing.fixture.ts';

/** The status after a step that came to `progress`. */
function after(
  redrive: RedriveObject,
  progress: Partial<RedriveProgress>,
  problem?: Problem,
  inRedis = 0,
): QueueRedriveStatus {
  const observed = { ...observedPlace({ redriven: inRedis }), progress: { ended: false, waitMs: 0, ...progress } };
  const plan = planRedrive(redrive, observed, () => OWNER, NOW);
  return redriveStatus(redrive, { observed, plan, problem: problem ?? plan.problem }, NOW);
}
const isTrue = ({ conditions }: QueueRedriveStatus): string[] =>
  (conditions ?? []).filter(({ status }) => status === 'True').map(({ type, reason }) => `${type} ${reason}`);
const REDRIVING: Problem = { reason: 'Redriving', message: 'putting back' };

describe('a redrive that runs', () => {
  it('says since when, until when jobs may have failed, and what matches', () => {
    const status = after(redriveObject(), { matched: 5, redriven: 0 }, REDRIVING);
    expect(status).toMatchObject({
      startTime: '2026-03-04T05:06:07Z',
      lettersUntil: '2026-03-04T05:07:00.999Z',
      matched: 5,
      redriven: 0,
    });
    expect(status.completionTime).toBeUndefined();
    expect(isTrue(status)).toEqual(['Reconciling Redriving']);
  });

  it('after a crash counts none lower than before', () => {
    const before = {
      startTime: '2026-03-04T05:00:00Z',
      matched: 9,
      redriven: 4,
      skipped: { jobExists: 2, diedAgain: 1 },
    };
    const status = after(
      redriveObject({}, { ...before, lettersUntil: '2026-03-04T05:00:00.000Z' }),
      { redriven: 3, skipped: { exists: 0, again: 3 } },
      REDRIVING,
    );
    expect(status).toMatchObject({ ...before, skipped: { jobExists: 2, diedAgain: 3 } });
  });
});

describe('the end', () => {
  it('is Failed for what Velero has created without the status of its end, and goes on saying so', () => {
    const more = { creationTimestamp: '2026-03-04T05:00:00Z', labels: { 'velero.io/restore-name': 'r1' } };
    const status = after(redriveObject({}, undefined, more), {});
    expect(isTrue(status)).toEqual(['Stalled RestoredByVelero', 'Failed RestoredByVelero']);
    expect(status.completionTime).toBeDefined();
    expect(after(redriveObject({}, status, more), {})).toEqual(status);
  });

  it('is complete, with what was put back and what stays', () => {
    const redrive = redriveObject({}, { matched: 9, lettersUntil: '2026-03-04T05:00:00.000Z' });
    const status = after(redrive, { redriven: 6, skipped: { exists: 2, again: 1 }, ended: true });
    expect(isTrue(status)).toEqual(['Ready Redriven', 'Available Redriven', 'Complete Redriven']);
    expect(status).toMatchObject({ completionTime: '2026-03-04T05:06:07Z', redriven: 6 });
    expect(status.conditions?.find(({ type }) => type === 'Complete')?.message).toBe(
      '6 of 9 dead letters that matched are back in Queue emails; dead letters stay: 2 because a job of that id is there, 1 because they died again',
    );
    // It stays so, whatever becomes of its Queue.
    const ended = { ...redrive, status };
    const later = new Date(NOW.getTime() + 3_600_000);
    expect(redriveStatus(ended, { observed: {}, plan: { steps: [] } }, later)).toEqual(status);
    expect(compareStatus(status, status)).toBe('none');
  });

  it('of a dry run is what it has counted, with some ids, as the API server keeps them', () => {
    const sample = ['a', `${'x'.repeat(255)}\u{1F600}`, '\uD800'];
    const status = after(redriveObject({ dryRun: true }), { matched: 3, sample, ended: true });
    expect(isTrue(status)).toContain('Complete Counted');
    expect(status.sample).toEqual(['a', `${'x'.repeat(255)}…`, '\uFFFD']);
    expect(status.redriven).toBeUndefined();
  });

  it('is a failure where the filter cannot be read, and stays one', () => {
    const redrive = redriveObject({ filter: { data: { path: '$..a', equals: '' } } });
    const plan = planRedrive(redrive, {}, () => OWNER, NOW);
    const status = redriveStatus(redrive, { observed: {}, plan, problem: plan.problem }, NOW);
    expect(isTrue(status)).toEqual(['Stalled FilterInvalid', 'Failed FilterInvalid']);
    expect(status.completionTime).toBeDefined();
    const later = redriveStatus({ ...redrive, status }, { observed: {}, plan: { steps: [] } }, NOW);
    expect(compareStatus(status, later)).toBe('none');
  });
});

it('numbers that move alone can wait for their turn; all else is news', () => {
  const status = after(redriveObject({}, { matched: 5 }), { redriven: 1 }, REDRIVING);
  expect(compareStatus(status, { ...status, redriven: 2 })).toBe('progress');
  expect(compareStatus(status, { ...status, conditions: status.conditions!.toReversed() })).toBe('none');
  expect(compareStatus(status, { ...status, matched: 6 })).toBe('news');
  expect(compareStatus(undefined, status)).toBe('news');
});
