import { Redis } from 'ioredis';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { RedisConnections, type RedisTarget } from '@redis-queue/bullmq';
import { eventually, startRedis } from '@redis-queue/rig';
import { aPool, aQueue, aSecret } from '../test-objects.ts';
import { AutoscalerMetrics } from '../metrics/autoscaler-metrics.ts';
import { buildTopology } from '../watching/topology.ts';
import { RedisLooker } from './redis-sampler.ts';

/** A script that nothing else gets between, as long as its argument says. */
const BUSY = 'for i = 1, tonumber(ARGV[1]) do end';
const SCRIPT_MS = 600;
const TRIAL_LOOPS = 2_000_000;

test('a Redis that long scripts keep busy counts as saturated, and no more once they are over', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.stop());
  const topology = buildTopology({
    pools: [aPool('workers', ['emails'])],
    queue: (_, name) => aQueue(name),
    secret: () => aSecret(redis.url),
    permittedSecrets: new Set(['redis-credentials']),
  });
  const connections = new RedisConnections();
  onTestFinished(() => connections.close());
  const [[key, target]] = [...topology.targets] as [[string, RedisTarget]];
  const looker = new RedisLooker(key, target, {
    connections,
    metrics: new AutoscalerMetrics(new Registry()),
    log: { info: () => {}, warn: () => {} },
    podStartMs: 2_000,
    now: () => performance.now(),
    isAtZero: () => false,
    onSooner: () => {},
    onLooked: () => {},
  });
  for (const queue of topology.queues.values()) looker.follow(queue);
  const looking = setInterval(() => looker.lookAtDue(), 20);
  onTestFinished(() => clearInterval(looking));
  const [id] = [...topology.queues.keys()];
  await eventually(() => looker.knowledge(id!)?.latest);
  expect(looker.saturated).toBe(false);

  const busy = new AbortController();
  const clients = [1, 2].map(() => new Redis(redis.url));
  onTestFinished(() => clients.forEach((client) => client.disconnect()));
  const trialMs = performance.now();
  await clients[0]!.eval(BUSY, 0, TRIAL_LOOPS);
  const loops = (TRIAL_LOOPS * SCRIPT_MS) / (performance.now() - trialMs);
  const load = clients.map(async (client) => {
    // oxlint-disable-next-line no-await-in-loop -- one script after the other, from two clients, so that one always waits
    while (!busy.signal.aborted) await client.eval(BUSY, 0, Math.round(loops));
  });
  try {
    await eventually(() => looker.saturated, { timeoutMs: 90_000, description: 'the looker to feel it' });
  } finally {
    busy.abort();
  }
  await Promise.all(load);
  await eventually(() => !looker.saturated, { timeoutMs: 60_000, description: 'the looker to feel better' });
}, 180_000);
