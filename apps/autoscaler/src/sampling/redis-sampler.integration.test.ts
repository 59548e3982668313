import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { RedisConnections } from '@redis-queue/bullmq';
import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { buildTopology, type WatchedTarget } from '../watching/topology.ts';
import { RedisSampler } from './redis-sampler.ts';
import type { SamplerHost } from './sampler-host.ts';
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
  const topology = buildTopology({
    pools: [aPool('workers', ['emails'])],
    queue: (_, name) => aQueue(name),
    secrets: secretSources(() => aSecret(redis.url)),
  });
  const connections = new RedisConnections();
  onTestFinished(() => connections.close());
  const [[key, target]] = [...topology.targets] as [[string, WatchedTarget]];
  const sampler = new RedisSampler(key, target, {
    connections,
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => {}, warn: () => {} },
    starting: new StartingClients(2_000),
    podStartMs: 2_000,
    now: () => performance.now(),
    host,
  });
  onTestFinished(() => sampler.close());
  for (const queue of topology.queues.values()) sampler.follow(queue);
  const [emails] = [...topology.queues.keys()];
  return { redis, sampler, emails: emails! };
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
  const host = { isAtZero: () => true, onRescheduled: wait, onSampled: () => (samples += 1) };
  const { sampler, emails } = await aSampler(host);
  onTestFinished(() => clearTimeout(timer));
  work();
  // At first; when the wake-up is armed; and the first follow-up, for which nobody else wakes the host.
  await eventually(() => samples >= 3);
  expect(sampler.knowledge(emails)?.failure).toBeUndefined();
});

it('a Redis that long scripts keep busy counts as saturated until they are over', async () => {
  const host = { isAtZero: () => false, onRescheduled: () => {}, onSampled: () => {} };
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
