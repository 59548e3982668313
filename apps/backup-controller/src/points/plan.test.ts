import { describe, expect, it } from 'vitest';
import { BACKUP_FINALIZER } from '../backups/plan.ts';
import type { BackupObject } from '../backups/steps.ts';
import { RunFailure } from '../runs/failure.ts';
import { InterruptedError } from '../runs/interrupted-error.ts';
import { ago, NOW } from '../testing/objects.ts';
import { planPoints } from './plan.ts';
import { PointTask, stageOfPoints, type ObservedPoints } from './steps.ts';
import { chain, ended, incremental, taken } from './testing.fixture.ts';

const planOf = (backup: BackupObject, more: Partial<ObservedPoints>) =>
  planPoints(backup, { stage: 'resting', next: { chain: 1, point: 0 }, ...more }, NOW);
const kinds = (...args: Parameters<typeof planOf>) => planOf(...args).steps.map(({ kind }) => kind);
const problem = { reason: 'QueueNotFound', message: 'none' } as const;
const full = new RunFailure({ reason: 'StorageFull', message: 'no room' });
const degraded = (reason: string, message = 'm') => ({
  conditions: [{ type: 'Degraded', status: 'True' as const, reason, message, lastTransitionTime: ago(60) }],
});

describe('where an incremental backup is', () => {
  const due = incremental([chain(1, 30)]);
  const resting = incremental([chain(1, 20)], { dueIn: 10 });
  it.each([
    ['its first point is due', incremental(), undefined, 'due'],
    ['the next one is due', due, undefined, 'due'],
    ['the next one is due later', resting, undefined, 'resting'],
    ['one is being taken', due, { task: 'point', phase: 'running' } as const, 'running'],
    ['one waits for a place', due, { task: 'point', phase: 'waiting' } as const, 'waiting'],
    ['one was taken', due, ended({ result: taken({ chain: 1, point: 3 }) }), 'succeeded'],
    ['one failed', due, ended({ error: full }), 'failed'],
    ['one was interrupted', resting, ended({ error: new InterruptedError('stop') }), 'due'],
    ['one failed just now', incremental([chain(1, 30)], { status: failing(1, 0) }), undefined, 'backingOff'],
    ['one failed a second ago', incremental([chain(1, 30)], { status: failing(1, 1) }), undefined, 'due'],
    ['many failed, the last a minute ago', incremental([chain(1, 30)], { status: failing(20, 60) }), undefined, 'due'],
    ['a full one failed', incremental([], { status: failing(1, 9) }), undefined, 'backingOff'],
  ] as const)('%s', (_, backup, run, stage) => {
    expect(stageOfPoints(backup, run, NOW)).toBe(stage);
  });
});

function failing(failures: number, seconds: number) {
  return { failures, lastFailureTime: ago(seconds) };
}

describe('an incremental backup', () => {
  it('takes a point when one is due and nothing stands in its way', () => {
    expect(planOf(incremental(), { stage: 'due' })).toMatchObject({
      steps: [{ kind: 'begin' }],
      problem: { reason: 'BackingUp' },
    });
    expect(planOf(incremental([chain(1, 30)]), { stage: 'due' })).toEqual({ steps: [{ kind: 'begin' }] });
    for (const stage of ['resting', 'outdated', 'running', 'waiting', 'backingOff'] as const)
      expect(kinds(incremental([chain(1, 30)]), { stage })).toEqual([]);
  });

  it('is not ready until it has a point, and degraded by what stands in the way after that', () => {
    expect(planOf(incremental(), { stage: 'due', problem })).toEqual({ steps: [], problem });
    expect(planOf(incremental([chain(1, 30)]), { stage: 'due', problem })).toEqual({ steps: [], trouble: problem });
    const run = ended({ error: full });
    expect(planOf(incremental(), { stage: 'failed', run }).problem?.reason).toBe('StorageFull');
    const plan = planOf(incremental([chain(1, 30)]), { stage: 'failed', run });
    expect([plan.problem, plan.trouble?.reason]).toEqual([undefined, 'StorageFull']);
  });

  it('goes on saying why it failed until a point is taken', () => {
    const status = { ...failing(3, 60), ...degraded('StorageFull') };
    const backup = incremental([chain(1, 300)], { status });
    for (const stage of ['due', 'running', 'waiting', 'backingOff'] as const)
      expect(planOf(backup, { stage }).trouble?.reason).toBe('StorageFull');
    const run = ended({ result: taken({ chain: 1, point: 3 }) });
    expect(planOf(backup, { stage: 'succeeded', run }).trouble).toBeUndefined();
  });

  it('removes a chain, and says that it stays until it is gone', () => {
    const backup = incremental([chain(2, 20), chain(1, 90_000)], { dueIn: 10 });
    expect(planOf(backup, { expired: 1 })).toEqual({ steps: [{ kind: 'removeChain', number: 1 }] });
    const failed = { task: PointTask.chain, phase: 'ended', end: { ok: false, error: full, tookMs: 1 } } as const;
    const trouble = planOf(backup, { removal: failed }).trouble;
    expect(trouble).toEqual({ reason: 'ChainNotRemoved', message: 'an old chain stays: StorageFull: no room' });
    const said = { ...backup, status: { ...backup.status, ...degraded('ChainNotRemoved') } };
    const again = { task: PointTask.chain, phase: 'running' } as const;
    expect(planOf(said, { removal: again }).trouble?.reason).toBe('ChainNotRemoved');
    const gone = { task: PointTask.chain, phase: 'ended', end: { ok: true, result: 1, tookMs: 1 } } as const;
    expect(planOf(said, { removal: gone }).trouble).toBeUndefined();
  });

  it('with deletionPolicy Delete is held by a finalizer, and removed with all its chains', () => {
    const spec = { deletionPolicy: 'Delete' as const };
    const backup = incremental([chain(1, 30)]);
    const held = { ...backup, spec: { ...backup.spec, ...spec } };
    expect(kinds(held, { stage: 'due' })).toEqual(['addFinalizer', 'begin']);
    const metadata = { ...held.metadata, finalizers: [BACKUP_FINALIZER], deletionTimestamp: ago(1) };
    const leaving = { ...held, metadata };
    expect(kinds(leaving, { stage: 'running', run: { task: PointTask.point, phase: 'running' } })).toEqual(['abort']);
    expect(kinds(leaving, { stage: 'failed', run: ended({ error: new Error('aborted') }) })).toEqual(['remove']);
    expect(kinds(leaving, { stage: 'succeeded', run: ended({ result: taken({ chain: 1, point: 3 }) }) })).toEqual([
      'remove',
    ]);
    const removed = {
      task: PointTask.removal,
      phase: 'ended',
      end: { ok: true, result: 'removed', tookMs: 1 },
    } as const;
    expect(kinds(leaving, { stage: 'succeeded', run: removed })).toEqual(['removeFinalizer']);
  });
});
