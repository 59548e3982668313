import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import type { WorkerPool } from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import { eventually, freePort, startRedis, type RedisServer } from '@redis-queue/rig';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { buildTopology, type WatchedTarget } from '../watching/topology.ts';
import { RedisSampler, type SamplerOptions } from './redis-sampler.ts';
import type { SamplerHost } from './sampler-host.ts';
import { SamplingBudget } from './sampling-budget.ts';
import { StartingClients } from './starting-clients.ts';

/** A script that blocks the server for as many loops as its argument says. */
const BUSY = 'for i = 1, tonumber(ARGV[1]) do end';
const SCRIPT_MS = 600;
const TRIAL_LOOPS = 2_000_000;

/** A sampler of the queue `emails` on a Redis of its own. */
async function aSampler(host: SamplerHost): Promise<{ redis: RedisServer; sampler: RedisSampler; emails: string }> {
  // Never answers BUSY: on a busy machine a script that is meant to be short lasts.
  const redis = await startRedis({ args: ['--busy-reply-threshold', '0'] });
  onTestFinished(() => redis.stop());
  const { sampler, ids } = samplerOf(redis.url, ['emails'], { host });
  return { redis, sampler, emails: ids[0]! };
}

/** A sampler of these queues, each of a pool of its own, in the Redis at `url`. */
function samplerOf(
  url: string,
  names: readonly string[],
  options: Pick<SamplerOptions, 'host'> & Partial<SamplerOptions>,
  more: readonly WorkerPool[] = [],
): { sampler: RedisSampler; ids: string[] } {
  const topology = buildTopology({
    pools: [...names.map((name) => aPool(`workers-of-${name}`, [name])), ...more],
    queue: (_, name) => aQueue(name),
    secrets: secretSources(() => aSecret(url)),
  });
  const connections = new RedisConnections();
  onTestFinished(() => connections.close());
  const [[key, target]] = [...topology.targets] as [[string, WatchedTarget]];
  const sampler = new RedisSampler(key, target, {
    connections,
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => {}, warn: () => {} },
    starting: new StartingClients(2_000),
    budgetOf: () => new SamplingBudget(),
    podStartMs: 2_000,
    now: () => performance.now(),
    ...options,
  });
  onTestFinished(() => sampler.close());
  for (const queue of topology.queues.values()) sampler.follow(queue);
  return { sampler, ids: [...topology.queues.keys()] };
}

it('the host is told of the next sample, which is planned while it waits', async () => {
  let samples = 0;
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    clearTimeout(timer);
    const dueMs = sampler.nextDueMs();
    if (dueMs !== undefined) timer = setTimeout(work, dueMs - performance.now());
  };
  const work = (): void => {
    sampler.sampleDue();
    wait();
  };
  const host = {
    isAtZero: () => true,
    podStartMs: () => undefined,
    onRescheduled: wait,
    onSampled: () => Promise.resolve(void (samples += 1)),
  };
  const { sampler, emails } = await aSampler(host);
  onTestFinished(() => clearTimeout(timer));
  work();
  // At first; when the wake-up is armed; and the first follow-up, for which nobody else wakes the host.
  await eventually(() => samples >= 3);
  expect(sampler.knowledge(emails)?.failure).toBeUndefined();
});

it('jobs count as due soon within the time that pods take to start, of several pools the slowest', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  for (const name of ['quick', 'slow', 'new']) {
    const queue = new Queue(name, { connection: { host: redis.host, port: redis.port } });
    onTestFinished(() => queue.close());
    // oxlint-disable-next-line no-await-in-loop -- three jobs
    await queue.addBulk([5_000, 30_000, 90_000].map((delay) => ({ name: 'later', data: {}, opts: { delay } })));
  }
  const measured = new Map([
    ['team/workers-of-quick', 10_000],
    ['team/workers-of-slow', 10_000],
    ['team/more-of-slow', 60_000],
  ]);
  const host = {
    isAtZero: () => false,
    podStartMs: (pool: string) => measured.get(pool),
    onRescheduled: () => {},
    onSampled: () => Promise.resolve(),
  };
  const { sampler, ids } = samplerOf(redis.url, ['quick', 'slow', 'new'], { host }, [aPool('more-of-slow', ['slow'])]);
  const sampling = setInterval(() => sampler.sampleDue(), 20);
  onTestFinished(() => clearInterval(sampling));
  const dueSoon = (): (number | undefined)[] => ids.map((id) => sampler.knowledge(id)?.latest?.sample.dueSoon);
  const horizons = (): (number | undefined)[] => ids.map((id) => sampler.knowledge(id)?.history.horizonMs);
  // A guess of 2 s for the pool that has not started a pod yet.
  await eventually(() => dueSoon().join() === '1,2,0');
  expect(horizons()).toEqual([10_000, 60_000, 2_000]);
  measured.set('team/workers-of-new', 120_000);
  await eventually(() => dueSoon().at(-1) === 3);
  expect(horizons().at(-1)).toBe(120_000);
});

// Wall 1: what a tenant's Redis costs does not grow with how many queues it says are there.
it('a Redis that cannot be read is asked once per tick for all queues, and is news once', async () => {
  const names = Array.from({ length: 20 }, (_, index) => `queue-${index}`);
  let nowMs = 0;
  const news: string[] = [];
  let ended = 0;
  const metrics = new AutoscalerMetrics(new Registry());
  metrics.sampled = () => void ended++;
  const host: SamplerHost = {
    isAtZero: () => false,
    podStartMs: () => undefined,
    onRescheduled: () => {},
    onSampled: (queues) => Promise.resolve(void news.push(...queues.map(({ ref }) => ref.name))),
  };
  const url = `redis://127.0.0.1:${await freePort()}`;
  const { sampler, ids } = samplerOf(url, names, { host, metrics, now: () => nowMs });
  let begun = 0;
  const { reader } = sampler;
  const sample = reader.sample.bind(reader);
  reader.sample = (...args) => {
    begun++;
    return sample(...args);
  };
  const SECONDS = 3;
  for (; nowMs < SECONDS * 1_000; nowMs += 100) {
    sampler.sampleDue();
    // oxlint-disable-next-line no-await-in-loop -- the clock stands still meanwhile
    await eventually(() => begun === ended && ids.every((id) => sampler.knowledge(id)?.failure !== undefined));
  }
  expect(begun).toBeGreaterThan(1);
  expect(begun).toBeLessThanOrEqual(1 + SECONDS);
  expect(news.toSorted()).toEqual(names.toSorted());
});

it('a Redis that long scripts keep busy counts as saturated until they are over', async () => {
  const host = {
    isAtZero: () => false,
    podStartMs: () => undefined,
    onRescheduled: () => {},
    onSampled: () => Promise.resolve(),
  };
  const { redis, sampler, emails } = await aSampler(host);
  const sampling = setInterval(() => sampler.sampleDue(), 20);
  onTestFinished(() => clearInterval(sampling));
  await eventually(() => sampler.knowledge(emails)?.latest);
  expect(sampler.saturated).toBe(false);

  const busy = new AbortController();
  const clients = [1, 2].map(() => new Redis(redis.url));
  onTestFinished(() => clients.forEach((client) => client.disconnect()));
  const trialMs = performance.now();
  await clients[0]!.eval(BUSY, 0, TRIAL_LOOPS);
  const loops = (TRIAL_LOOPS * SCRIPT_MS) / (performance.now() - trialMs);
  const load = clients.map(async (client) => {
    // oxlint-disable-next-line no-await-in-loop -- two clients' scripts in turn, so that one is always waiting
    while (!busy.signal.aborted) await client.eval(BUSY, 0, Math.round(loops));
  });
  try {
    await eventually(() => sampler.saturated, { timeoutMs: 90_000, description: 'the sampler to notice it' });
  } finally {
    busy.abort();
  }
  await Promise.all(load);
  await eventually(() => !sampler.saturated, { timeoutMs: 60_000, description: 'the sampler to notice its end' });
});
