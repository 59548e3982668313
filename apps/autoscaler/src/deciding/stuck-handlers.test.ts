import type { PodUsageReport } from '@redis-queue/bullmq';
import { expect, it } from 'vitest';
import { learnStuckHandlers, NO_STUCK_HANDLERS } from './stuck-handlers.ts';

const report = (pod: string, redisTimeMs: number, stuck?: number): PodUsageReport => ({
  pod,
  redisTimeMs,
  version: '1',
  periodMs: 60_000,
  slots: 10,
  busy: 5,
  cpu: 0.1,
  memory: 1,
  eventLoop: 0.1,
  jobs: 1,
  ...(stuck !== undefined && { stuck }),
});

it('names the pods that say so, and stays the same object while they say the same', () => {
  const first = learnStuckHandlers(NO_STUCK_HANDLERS, [report('b', 0, 2), report('a', 0, 1), report('c', 0)]);
  expect(first.pods).toEqual([
    { pod: 'a', handlers: 1, slots: 10 },
    { pod: 'b', handlers: 2, slots: 10 },
  ]);
  const again = learnStuckHandlers(first, [report('b', 60_000, 2), report('a', 60_000, 1)]);
  expect(again.pods).toBe(first.pods);
});

it('remembers pods that a read of some left out, and forgets those that are over it, silent or gone', () => {
  const first = learnStuckHandlers(NO_STUCK_HANDLERS, [report('a', 0, 1), report('b', 0, 1)]);
  const later = learnStuckHandlers(first, [report('b', 60_000), report('c', 60_000)]);
  expect(later.pods).toEqual([{ pod: 'a', handlers: 1, slots: 10 }]);
  expect(learnStuckHandlers(later, [report('c', 181_000)]).pods).toBeUndefined();
  expect(learnStuckHandlers(first, []).pods).toBeUndefined();
});

it('names no more pods than a decision may', () => {
  const many = Array.from({ length: 60 }, (_, n) => report(`pod-${n}`, 0, 1));
  expect(learnStuckHandlers(NO_STUCK_HANDLERS, many).pods).toHaveLength(50);
});

it('what it remembers has a bound, however many pods a server speaks of at one time', () => {
  let known = NO_STUCK_HANDLERS;
  for (let read = 0; read < 100; read++)
    known = learnStuckHandlers(
      known,
      Array.from({ length: 50 }, (_, n) => report(`pod-${read}-${n}`, 0, 1)),
    );
  expect(known.said.size).toBeLessThanOrEqual(200);
  expect(known.said.has('pod-99-0')).toBe(true);
});
