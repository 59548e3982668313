import { queueRestoreStatusSchema } from '@redis-queue/api';
import { expect, it } from 'vitest';
import { differencesInWords } from './compare-queue.ts';

const first = Array.from({ length: 20 }, (_, n) => `job ${n} is absent`);

it.each([
  [1, 1, 'job 0 is absent'],
  [20, 20, 'job 19 is absent'],
  [21, 20, '2 more'],
  [5_000, 20, '4981 more'],
])('of %s differences %s lines are in the status, which it can hold', (count, lines, last) => {
  const differences = [...differencesInWords({ first: first.slice(0, count), count })];
  expect(differences).toHaveLength(lines);
  expect(differences.at(-1)).toBe(last);
  const { differences: schema } = queueRestoreStatusSchema.shape.queues.unwrap().element.shape;
  expect(schema.safeParse(differences).success).toBe(true);
});
