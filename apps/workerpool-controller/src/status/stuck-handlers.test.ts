import { expect, it } from 'vitest';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { allReady, brief, deployment, statusOf } from '../testing/statuses.ts';
import { compareStatus } from './news.ts';

const pool = aPool(autoscaled(0, 10));
const served = { deployment: deployment(pool, 2, allReady(2)) };
const stuck = (count: number) =>
  aDecision({
    stuckHandlers: Array.from({ length: count }, (_, n) => ({ pod: `email-workers-${n}`, handlers: 2, slots: 10 })),
  });
const saidOf = (status: ReturnType<typeof statusOf>) => status.conditions?.find(({ type }) => type === 'HandlersStuck');

it('names the pods, their slots and the way out, and degrades the pool', () => {
  const status = statusOf(pool, { ...served, decision: stuck(1) });
  expect(brief(status)).toMatchObject({
    HandlersStuck: 'True HandlersStuck',
    Degraded: 'True HandlersStuck',
    Ready: 'True RolledOut',
  });
  expect(saidOf(status)!.message).toMatch(/: email-workers-0 \(2 of 10 slots\)\. Have handlers listen to their signal/);
  expect(saidOf(statusOf(pool, { decision: stuck(7) }))!.message).toContain(
    'email-workers-4 (2 of 10 slots) and 2 more',
  );
});

it('is news at once, with every pod that comes or goes', () => {
  const [none, one, two] = [aDecision(), stuck(1), stuck(2)].map((decision) => statusOf(pool, { ...served, decision }));
  expect(compareStatus(none, one!)).toBe('news');
  expect(compareStatus(one, two!)).toBe('news');
  expect(compareStatus(two, none!)).toBe('news');
});

it('stays while a controller that has restarted has seen no decision, and ends with the handlers or autoscaling', () => {
  const before = statusOf(pool, { ...served, decision: stuck(1) });
  expect(saidOf(statusOf({ ...pool, status: before }, served))).toEqual(saidOf(before));
  expect(saidOf(statusOf({ ...pool, status: before }, { ...served, decision: aDecision() }))).toBeUndefined();
  expect(saidOf(statusOf(aPool({}, before), { ...served, decision: stuck(1) }))).toBeUndefined();
});
