import { expect, it } from 'vitest';
import type { Queue } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { aQueue } from '../testing/objects.ts';
import { cachedQueue } from './cached-objects.ts';
import { changesPlace } from './cluster.ts';

/** The queue at a generation, as its cache holds it. */
function cached(generation: number, spec: Queue['spec']): Queue {
  const queue = aQueue('emails', spec);
  return cachedQueue({ ...queue, metadata: { ...queue.metadata, generation } }) as Resource & Queue;
}

it.each<[string, boolean, Queue['spec']]>([
  ['its limit', false, { globalConcurrency: 7 }],
  ['its rate', false, { rateLimits: { maxJobsPerSecond: 5 } }],
  ['its pause', false, { paused: true }],
  ['its name in Redis', true, { name: 'mail' }],
  ['its prefix', true, { redis: { prefix: 'jobs' } }],
  ['its Secret', true, { redis: { secretRefs: { sampler: { name: 'readers' } } } }],
])('a queue that changes %s is somewhere else: %s', (_, moves, spec) => {
  expect(changesPlace(cached(2, spec), cached(1, {}))).toBe(moves);
});

it('a queue that comes is news', () => {
  expect(changesPlace(cached(1, {}), undefined)).toBe(true);
});
