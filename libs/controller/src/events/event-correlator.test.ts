import { expect, it } from 'vitest';
import { EventCorrelator } from './event-correlator.ts';
import type { ObjectEvent } from './event-types.ts';
import { LruMap } from './lru-map.ts';

const event = (message: string, reason = 'Failed'): ObjectEvent => ({ type: 'Warning', reason, message });

/** Plays an API server that stores what it is given. */
function recorder() {
  const correlator = new EventCorrelator();
  return (objectId: string, what: ObjectEvent, nowMs: number) => {
    const plan = correlator.plan(objectId, what, nowMs);
    if (plan.action === 'create') correlator.created(plan.id, `event-${nowMs}`);
    return plan;
  };
}

it('counts an event that comes again instead of writing another', () => {
  const record = recorder();
  expect(record('a', event('no route'), 1)).toMatchObject({ action: 'create' });
  expect(record('a', event('no route'), 2)).toMatchObject({ action: 'count', name: 'event-1', count: 2 });
  expect(record('b', event('no route'), 3)).toMatchObject({ action: 'create' });
});

it('makes one of more than ten similar events', () => {
  const record = recorder();
  const plans = Array.from({ length: 20 }, (_, index) => record('a', event(`job ${index} failed`), index));
  expect(plans.filter(({ action }) => action === 'create')).toHaveLength(11);
  expect(plans.at(-1)).toMatchObject({ action: 'count', message: '(combined from similar events): job 19 failed' });
});

it('counts similar events separately again after ten quiet minutes', () => {
  const record = recorder();
  for (let index = 0; index < 15; index++) record('a', event(`job ${index} failed`), index);
  expect(record('a', event('job 99 failed'), 4_000_000)).toMatchObject({ action: 'create', message: 'job 99 failed' });
});

it('lets an object have 25 events at once, then one every five minutes', () => {
  const record = recorder();
  const act = (nowMs: number): string => record('a', event('x'), nowMs).action;
  const actions = Array.from({ length: 100 }, () => act(0));
  expect(actions.filter((action) => action !== 'drop')).toHaveLength(25);
  expect(act(299_999)).toBe('drop');
  expect(act(300_000)).toBe('count');
  expect(act(300_001)).toBe('drop');
});

it('lets a warning through although the object has had too many normal events', () => {
  const record = recorder();
  for (let index = 0; index < 100; index++) record('a', { type: 'Normal', reason: 'Scaled', message: `${index}` }, 0);
  expect(record('a', { type: 'Normal', reason: 'Other', message: 'x' }, 0).action).toBe('drop');
  expect(record('a', event('no route'), 0).action).toBe('create');
});

it('writes an event again when the API server has forgotten it', () => {
  const correlator = new EventCorrelator();
  const plan = correlator.plan('a', event('x'), 0);
  if (plan.action !== 'create') throw new Error('expected a creation');
  correlator.created(plan.id, 'event-0');
  correlator.gone(plan.id);
  expect(correlator.plan('a', event('x'), 1)).toMatchObject({ action: 'create' });
});

it('forgets what was not used for longest when there is too much to remember', () => {
  const map = new LruMap<string, number>(2);
  map.set('a', 1);
  map.set('b', 2);
  map.get('a');
  map.set('c', 3);
  expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
});
