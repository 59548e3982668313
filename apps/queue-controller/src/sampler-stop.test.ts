import { RedisConnections } from '@redis-queue/bullmq';
import { systemClock } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { QueueMetrics } from './metrics.ts';
import { SampledWrites } from './sampled-writes.ts';
import { QueueSampler } from './sampler.ts';
import { SamplingFailures } from './sampling-failures.ts';
import type { Sources } from './observe.ts';
import { queueObject } from './testing/queues.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const hanging = (): Promise<never> => new Promise(() => {});

it.each([
  ['a Redis that does not answer', true],
  ['an API server that does not answer', false],
])('the sampler ends as soon as it is stopped, with %s', async (_, redisHangs) => {
  const queue = queueObject() as QueueObject;
  const begun: string[] = [];
  const writes = new SampledWrites({
    clock: systemClock,
    write: () => {
      begun.push('write');
      return hanging();
    },
    onError: () => expect.fail('a write that was given up on a stop is no error'),
  });
  const listQueues = (): QueueObject[] => {
    begun.push('round');
    return [];
  };
  const connections = new RedisConnections();
  const sources = { connections, breakers: { forgetIdle: () => {} } } as unknown as Sources;
  const sampler = new QueueSampler({
    sources,
    metrics: new QueueMetrics(new Registry()),
    listQueues,
    writes,
    sampling: new SamplingFailures(),
    onSamplingChange: () => {},
    onRoundFailed: () => expect.fail('a round that was given up on a stop did not fail'),
  });
  if (redisHangs) vi.spyOn(sampler, 'sampleAll').mockImplementation(() => (begun.push('round'), hanging()));
  else {
    const counts = { waiting: 1, prioritized: 0, active: 0, delayed: 0, overdue: 0, failed: 0 };
    writes.offer(queue, { counts, sampledAt: '2026-01-01T00:00:00Z' });
  }
  const abort = new AbortController();
  let ended = false;
  const running = sampler.run(abort.signal).then(() => (ended = true));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(begun).toContain(redisHangs ? 'round' : 'write');
  abort.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(ended).toBe(true);
  await running;
});
