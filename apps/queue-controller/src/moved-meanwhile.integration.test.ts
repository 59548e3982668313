import type { QueueReason, QueueSpec } from '@redis-queue/api';
import { RedisConnections } from '@redis-queue/bullmq';
import { createLog, type KindContext } from '@redis-queue/controller';
import { CircuitBreakers, type QueueObject } from '@redis-queue/redis-access';
import { startRedis, type RedisServer } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ServerInfoCache } from './access/server-info.ts';
import type { Sources } from './access/sources.ts';
import { DeletionTimes } from './deletion/deletion-times.ts';
import { SettledQueues } from './drift/settled-queues.ts';
import { queueKind } from './kind.ts';
import { LimiterWatch } from './limiter/limiter-watch.ts';
import { QueueMetrics } from './metrics.ts';
import { EmptyTimes } from './retire/empty-times.ts';
import { SamplingFailures } from './sampling/sampling-failures.ts';
import { NOW, queueObject } from './testing/queues.ts';
import { UpkeepReports } from './upkeep/reports.ts';

// Wall 4: what was planned from one Redis is not carried out in another, to which the Secret leads by then.

const connections = new RedisConnections();
let former: RedisServer;
let other: RedisServer;
beforeAll(async () => {
  [former, other] = await Promise.all([startRedis(), startRedis()]);
});
afterAll(async () => {
  connections.close();
  await Promise.all([former?.stop(), other?.stop()]);
});

const metaAt = ({ host, port }: RedisServer, name: string): Promise<Record<string, string>> =>
  connections.get({ host, port }).hgetall(`bull:${name}:meta`);

/** Reconciles the queue once; its Secret is changed when it has been read in `former`. */
async function reconcile(name: string, spec: QueueSpec): Promise<void> {
  let led = former;
  const sources: Sources = {
    clusterId: 'c1',
    fence: 'f1',
    connections,
    breakers: new CircuitBreakers({ now: () => performance.now() }),
    servers: new ServerInfoCache(() => 0),
    claimantsOf: () => [],
    readQueue: () => Promise.resolve('gone' as const),
    assertLeading: () => {},
    secrets: {
      reader: 'queue-controller',
      permittedSecrets: new Set(['redis-credentials']),
      secret: () => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: 'shop', name: 'redis-credentials' },
        data: { 'redis-host': btoa(led.host), 'redis-port': btoa(String(led.port)) },
      }),
    },
  };
  const kind = queueKind({
    sources,
    metrics: new QueueMetrics(new Registry()),
    sampling: new SamplingFailures(),
    deletions: new DeletionTimes(),
    settled: new SettledQueues(),
    limiter: new LimiterWatch(),
    emptyTimes: new EmptyTimes(),
    fullCheckMs: 600_000,
    duties: [],
    reports: new UpkeepReports(),
  });
  const context = {
    signal: new AbortController().signal,
    log: createLog({ name: 'test', level: 'silent' }),
    now: () => NOW,
  } as unknown as KindContext<QueueReason>;
  const queue = queueObject(spec, { name }) as QueueObject;
  const observed = await kind.observe(queue, context);
  const plan = kind.plan(queue, observed, NOW);
  led = other;
  await kind.apply(queue, { observed, plan }, context);
}

it('a Secret that is changed between the read and the writes has nothing written to the Redis that was not read', async () => {
  const { host, port } = other;
  await connections.get({ host, port }).hset('bull:theirs:meta', 'version', 'bullmq:6.7.0');
  await reconcile('theirs', { adoptionPolicy: 'Refuse', globalConcurrency: 1 });
  expect(await metaAt(other, 'theirs')).toEqual({ version: 'bullmq:6.7.0' });
  expect(await metaAt(former, 'theirs')).toMatchObject({ concurrency: '1' });
});
