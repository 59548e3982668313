import type { QueueCounts } from '@redis-queue/api';
import { systemClock, timestamp } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SampledStatus } from './counts.ts';
import { SAMPLE_INTERVAL_MS } from './sampler.ts';
import { SampledWrites } from './sampled-writes.ts';
import { queueObject } from '../testing/queues.ts';

const QUEUES = 5_000;
const MINUTES = 30;

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }));
afterEach(() => void vi.useRealTimers());

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a round reads of a queue that has always work: of every other one, counts that move all the time. */
function countsOf(index: number, random: () => number): QueueCounts {
  const waiting = index % 2 === 0 ? 1_000 : 1 + Math.floor(1_000 * random());
  return { waiting, prioritized: 0, active: 10, delayed: 0, overdue: 0, failed: 0 };
}

interface Figures {
  /** Of any queue at any time, s. */
  maxSampledAgeS: number;
  maxWritesPerSecond: number;
  writes: number;
}

/** Busy queues over 30 minutes, sampled every 30 s; what is written shows in the cache at once. */
async function simulate(): Promise<Figures> {
  const startMs = Date.now();
  const random = numbers(1);
  const statuses = new Map<string, SampledStatus>();
  const queues = Array.from({ length: QUEUES }, (_, index) => queueObject({}, { uid: `u${index}` }) as QueueObject);
  const writtenAtMs: number[] = [];
  const writes = new SampledWrites({
    clock: systemClock,
    write: ({ metadata: { uid = '' } }, status) => {
      writtenAtMs.push(Date.now() - startMs);
      statuses.set(uid, status);
      return Promise.resolve();
    },
    onError: (_, error) => expect.fail(String(error)),
    onHeld: () => {},
  });
  const abort = new AbortController();
  const running = writes.run(abort.signal);
  let maxSampledAgeS = 0;
  for (let atMs = 0; atMs < MINUTES * 60_000; atMs += SAMPLE_INTERVAL_MS) {
    for (const [index, queue] of queues.entries()) {
      const status = statuses.get(queue.metadata.uid!);
      const sampled = { counts: countsOf(index, random), sampledAt: timestamp(Date.now()) };
      writes.offer({ ...queue, ...(status && { status }) }, sampled);
    }
    await vi.advanceTimersByTimeAsync(SAMPLE_INTERVAL_MS);
    const sampledAtMs = queues.map(({ metadata: { uid } }) => {
      const status = statuses.get(uid!);
      return status ? Date.parse(status.sampledAt) : startMs;
    });
    // At the end of a round, when they are the oldest.
    maxSampledAgeS = Math.max(maxSampledAgeS, (Date.now() - Math.min(...sampledAtMs)) / 1_000);
  }
  abort.abort();
  await running;
  return { maxSampledAgeS, maxWritesPerSecond: mostInASecond(writtenAtMs), writes: writtenAtMs.length };
}

/** The most of any window of a second that begins with one of them. */
function mostInASecond(timesMs: readonly number[]): number {
  let most = 0;
  let last = 0;
  for (const [first, atMs] of timesMs.entries()) {
    while (last < timesMs.length && timesMs[last]! < atMs + 1_000) last++;
    most = Math.max(most, last - first);
  }
  return most;
}

it('5,000 busy queues, 30 minutes: every sampledAt is at most 10 minutes old, at 20 writes per second', async () => {
  const figures = await simulate();
  process.stdout.write(`5,000 busy queues, 30 simulated minutes: ${JSON.stringify(figures)}\n`);
  expect(figures.maxSampledAgeS).toBeLessThanOrEqual(600);
  expect(figures.maxWritesPerSecond).toBeLessThanOrEqual(20);
  expect(figures.writes).toBeGreaterThan(3 * QUEUES);
}, 60_000);

it('a write that was late and landed all the same is over as soon as the status shows it', async () => {
  const failed: QueueObject[] = [];
  const held: QueueObject[] = [];
  const writes = new SampledWrites({
    clock: systemClock,
    write: () => new Promise(() => {}),
    onError: (queue) => void failed.push(queue),
    onHeld: (queue) => void held.push(queue),
  });
  const abort = new AbortController();
  const running = writes.run(abort.signal);
  const queue = queueObject() as QueueObject;
  const sampled = { counts: countsOf(0, numbers(1)), sampledAt: timestamp(Date.now()) };
  writes.offer(queue, sampled);
  await vi.advanceTimersByTimeAsync(6_000);
  expect([failed.length, held.length]).toEqual([1, 0]);
  writes.offer({ ...queue, status: sampled }, { ...sampled, sampledAt: timestamp(Date.now()) });
  expect(held).toHaveLength(1);
  abort.abort();
  await running;
});
