import type { SchedulerState } from '@redis-queue/bullmq';
import { expect, it } from 'vitest';
import { declaredSchedulers } from './declared.ts';
import { describeSchedulerStep, NO_SCHEDULERS, planSchedulers } from './plan.ts';

const OWNER = 'c1/shop/emails';

/** The sentences of the steps. */
function planned(states: Record<string, SchedulerState>, listed: string[], broken: string[] = []): string[] {
  const schedulers = [
    ...Object.keys(states).map((name) => ({ name, every: '1m' })),
    ...broken.map((name) => ({ name, cron: '99 * * * *' })),
  ];
  const observed = { declared: declaredSchedulers({ schedulers }), states: new Map(Object.entries(states)) };
  return planSchedulers(observed, listed, OWNER).map(describeSchedulerStep);
}

it('what is as declared, and listed, is left alone', () => {
  expect(planned({ a: 'holds' }, ['a'])).toEqual([]);
});

it('what is absent, differs or has stopped is written, and what others wrote as declared becomes ours', () => {
  expect(planned({ a: 'absent', b: 'differs', c: 'stopped', d: 'holds' }, ['b', 'c'])).toEqual([
    'add the job scheduler a (every 60000 ms)',
    'set the job scheduler b to every 60000 ms and its template',
    'start the job scheduler c again, whose next job was gone (every 60000 ms)',
    'manage the job scheduler d',
  ]);
});

it('what is struck out goes first, and nothing that is not listed', () => {
  expect(planned({ a: 'absent' }, ['old', 'older'])).toEqual([
    'remove the job scheduler old',
    'remove the job scheduler older',
    'add the job scheduler a (every 60000 ms)',
  ]);
  expect(planSchedulers(NO_SCHEDULERS, ['old'], OWNER)).toEqual([
    { kind: 'removeScheduler', name: 'old', owner: OWNER },
  ]);
});

it('one that cannot run stays as it was', () => {
  expect(planned({ a: 'holds' }, ['a', 'broken'], ['broken'])).toEqual([]);
});
