import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createConsumer, type Consumer, type ScalingDecision } from '@redis-queue/scaling-bus';
import {
  eventually,
  freePort,
  startControlPlane,
  startProcess,
  startRedis,
  type ChildHandle,
  type ControlPlane,
  type RedisServer,
} from '@redis-queue/rig';
import { loadKubeClient, SECRETS, type KubeClient } from '@redis-queue/controller';
import { aPool, aQueue } from './testing/objects.ts';

const PASSWORD = 'hunter2-of-the-queues';
const BUS_PASSWORD = 'hunter2-of-the-bus';

let cluster: ControlPlane;
let client: KubeClient;
let redis: RedisServer;
let bus: RedisServer;
let consumer: Consumer;
const decisions: ScalingDecision[] = [];

beforeAll(async () => {
  [cluster, redis, bus] = await Promise.all([
    startControlPlane({ crds: true }),
    startRedis({ password: PASSWORD }),
    startRedis({ password: BUS_PASSWORD }),
  ]);
  client = loadKubeClient({ kubeconfigPath: cluster.kubeconfigPath });
  // A kind is served a moment after its definition is established.
  await eventually(async () => Promise.all([QUEUES, WORKER_POOLS].map((type) => client.list(type))));
  consumer = createConsumer({
    redis: { host: bus.host, port: bus.port, password: BUS_PASSWORD },
    handler: (decision) => Promise.resolve(void decisions.push(decision)),
  });
});
afterAll(async () => {
  await consumer?.close();
  await Promise.all([cluster?.stop(), redis?.stop(), bus?.stop()]);
});

async function startAutoscaler(...flags: string[]): Promise<ChildHandle & { port: number }> {
  const port = await freePort();
  const main = new URL('main.ts', import.meta.url).pathname;
  const common = ['--kubeconfig', cluster.kubeconfigPath, '--http-port', String(port), '--log-level', 'trace'];
  return Object.assign(
    startProcess(process.execPath, [main, ...common, ...flags], { env: { ...process.env, BUS_REDIS_URL: bus.url } }),
    { port },
  );
}

/** Applies the objects of a pool whose Deployment has `replicas`. */
async function apply(namespace: string, name: string, replicas: number): Promise<void> {
  const place = { metadata: { name, namespace } };
  await client.create(SECRETS, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'redis-credentials', namespace },
    data: { 'redis-url': Buffer.from(redis.url).toString('base64') },
  } as never);
  await client.create(QUEUES, { ...aQueue(name), ...place });
  const { status: _status, ...pool } = aPool(name, [name]);
  await client.create(WORKER_POOLS, { ...pool, ...place });
  await client.mergePatch(
    WORKER_POOLS,
    place.metadata,
    { status: { desiredReplicas: replicas } },
    { subresource: 'status' },
  );
}

async function addJobs(name: string, count = 1): Promise<void> {
  const connection = new Redis(redis.url, { maxRetriesPerRequest: 1 });
  await new Queue(name, { connection }).addBulk(Array.from({ length: count }, () => ({ name: 'send', data: {} })));
  connection.disconnect();
}

const decided = (name: string, match: (decision: ScalingDecision) => boolean) =>
  eventually(() => decisions.find((decision) => decision.pool.name === name && match(decision)), {
    timeoutMs: 30_000,
    description: `a decision on ${name}`,
  });

it('the process wakes a pool at zero; killed and started again it begins a later epoch and shrinks nothing', async () => {
  const namespace = await cluster.createNamespace('scaled');
  await apply(namespace, 'first', 0);
  const first = await startAutoscaler('--leader-elect', 'false');
  await decided('first', () => true);
  await addJobs('first');
  const woken = await decided('first', ({ desiredReplicas }) => desiredReplicas === 1);
  const pool = await client.get(WORKER_POOLS, { namespace, name: 'first' });
  expect(woken.pool).toMatchObject({ namespace, uid: pool?.metadata.uid, generation: 1 });
  await first.stop('SIGKILL');
  await client.mergePatch(
    WORKER_POOLS,
    { namespace, name: 'first' },
    { status: { desiredReplicas: 4 } },
    { subresource: 'status' },
  );
  const second = await startAutoscaler('--leader-elect', 'false');
  const later = await decided('first', ({ epoch, currentReplicas }) => epoch > woken.epoch && currentReplicas === 4);
  expect(later.desiredReplicas).toBe(4);
  const metrics = await (await fetch(`http://127.0.0.1:${second.port}/metrics`)).text();
  expect(metrics).toMatch(/redis_queue_autoscaler_desired_replicas\{namespace="scaled[^"]*",pool="first"\} 4/);
  expect((await second.stop('SIGTERM')).code).toBe(0);
  const outputs = [metrics, JSON.stringify(decisions), ...first.lines, ...second.lines];
  expect(outputs.filter((text) => text.includes('hunter2'))).toEqual([]);
});

it('what the status says of blocked pods reaches the decision, and so does its end', async () => {
  const namespace = await cluster.createNamespace('blocked');
  await apply(namespace, 'blocked', 2);
  const say = (status: object) =>
    client.mergePatch(WORKER_POOLS, { namespace, name: 'blocked' }, { status }, { subresource: 'status' });
  await say({ blockedReplicas: { rejected: 1 } });
  await addJobs('blocked', 600);
  const autoscaler = await startAutoscaler('--leader-elect', 'false');
  const held = await decided('blocked', ({ heldBy }) => heldBy === 'QuotaExhausted');
  expect(held.desiredReplicas).toBe(2);
  await say({ blockedReplicas: null });
  await decided('blocked', ({ sequence, desiredReplicas }) => sequence > held.sequence && desiredReplicas > 2);
  expect((await autoscaler.stop('SIGTERM')).code).toBe(0);
});

it('the process says which variable is missing when no bus is configured', async () => {
  const main = new URL('main.ts', import.meta.url).pathname;
  const child = startProcess(process.execPath, [
    main,
    '--kubeconfig',
    cluster.kubeconfigPath,
    '--leader-elect',
    'false',
    '--http-port',
    '0',
  ]);
  expect((await child.exited).code).not.toBe(0);
  expect(child.lines.join('\n')).toContain('BUS_REDIS_URL');
});

it('--help names the flags of its own', async () => {
  const child = await startAutoscaler('--help');
  expect((await child.exited).code).toBe(0);
  expect(child.stdout.join('\n')).toMatch(/--redis-secret-names NAMES[^]*--pod-start-time DURATION/);
});
