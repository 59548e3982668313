import { RedisConnections } from '@redis-queue/bullmq';
import { systemClock } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { Registry } from 'prom-client';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { QueueMetrics } from '../metrics.ts';
import { SampledWrites } from './sampled-writes.ts';
import { QueueSampler } from './sampler.ts';
import { SamplingFailures } from './sampling-failures.ts';
import type { Sources } from '../access/sources.ts';
import { queueObject } from '../testing/queues.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const hanging = (): Promise<never> => new Promise(() => {});

/** A sampler of no queues. */
function samplerWith(writes: SampledWrites): QueueSampler {
  const connections = new RedisConnections();
  const sources = { connections, breakers: { forgetIdle: () => {} } } as unknown as Sources;
  return new QueueSampler({
    sources,
    metrics: new QueueMetrics(new Registry()),
    listQueues: () => [],
    writes,
    sampling: new SamplingFailures(),
    onSamplingChange: () => {},
    onRoundFailed: () => expect.fail('no round failed'),
  });
}

it.each([
  [0, [0, 30, 60, 90]],
  [10, [0, 30, 60, 90]],
  [20, [0, 35, 70]],
])('rounds that take %d s begin in time, with a rest between them', async (seconds, expected) => {
  const writes = new SampledWrites({ clock: systemClock, write: hanging, onError: () => {}, onHeld: () => {} });
  const sampler = samplerWith(writes);
  const startMs = performance.now();
  const begunS: number[] = [];
  vi.spyOn(sampler, 'sampleAll').mockImplementation(() => {
    begunS.push((performance.now() - startMs) / 1_000);
    return delay(seconds * 1_000);
  });
  const abort = new AbortController();
  const running = sampler.run(abort.signal);
  await vi.advanceTimersByTimeAsync(100_000);
  abort.abort();
  await running;
  expect(begunS).toEqual(expected);
});

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
    onHeld: () => {},
  });
  const sampler = samplerWith(writes);
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
