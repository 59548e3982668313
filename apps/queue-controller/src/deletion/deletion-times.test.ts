import { expect, it } from 'vitest';
import { DeletionTimes } from './deletion-times.ts';
import { queueObject } from '../testing/queues.ts';

it('a deletion is known from when it was first seen, until the object is gone', () => {
  let nowMs = 1_000;
  const times = new DeletionTimes(() => nowMs);
  const deleted = queueObject({}, { deletionTimestamp: '2020-01-01T00:00:00Z' });
  expect(times.knownForMs(queueObject())).toBeUndefined();
  nowMs += 5_000;
  expect(times.knownForMs(deleted)).toBe(0);
  nowMs += 5_000;
  expect(times.knownForMs(deleted)).toBe(5_000);
  times.forget('u1');
  expect(times.knownForMs(deleted)).toBe(0);
});
