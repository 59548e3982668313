import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { expect, it, onTestFinished } from 'vitest';
import { RedisConnections, type RedisTarget } from '@redis-queue/bullmq';
import { eventually, startRedis } from '@redis-queue/rig';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { buildTopology } from '../watching/topology.ts';
import { RedisSampler } from './redis-sampler.ts';

/** A script that blocks the server for as many loops as its argument says. */
const BUSY = 'for i = 1, tonumber(ARGV[1]) do end';
const SCRIPT_MS = 600;
const TRIAL_LOOPS = 2_000_000;

it('a Redis that long scripts keep busy counts as saturated until they are over', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const topology = buildTopology({
    pools: [aPool('workers', ['emails'])],
    queue: (_, name) => aQueue(name),
    secrets: secretSources(() => aSecret(redis.url)),
  });
  const connections = new RedisConnections();
  onTestFinished(() => connections.close());
  const [[key, target]] = [...topology.targets] as [[string, RedisTarget]];
  const sampler = new RedisSampler(key, target, {
    connections,
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => {}, warn: () => {} },
    podStartMs: 2_000,
    now: () => performance.now(),
    host: { isAtZero: () => false, onRescheduled: () => {}, onSampled: () => {} },
  });
  for (const queue of topology.queues.values()) sampler.follow(queue);
  const sampling = setInterval(() => sampler.sampleDue(), 20);
  onTestFinished(() => clearInterval(sampling));
  const [id] = [...topology.queues.keys()];
  await eventually(() => sampler.knowledge(id!)?.latest);
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
}, 180_000);
