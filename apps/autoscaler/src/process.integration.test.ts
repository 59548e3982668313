import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createConsumer, type Consumer, type ScalingDecision } from '@redis-queue/scaling-bus';
import { eventually, startAppProcess, startRedis, type AppProcess } from '@redis-queue/rig';
import { lintMetrics } from '@redis-queue/rig/controllers';
import { startRig, type Rig } from '@redis-queue/rig/controllers';
import { aPool, aQueue } from './testing/objects.ts';

const PASSWORD = 'hunter2-of-the-queues';
const BUS_PASSWORD = 'hunter2-of-the-bus';

let rig: Rig;
let consumer: Consumer;
const decisions: ScalingDecision[] = [];

beforeAll(async () => {
  rig = await startRig({ redis: { password: PASSWORD }, bus: { password: BUS_PASSWORD } });
  // A kind is served a moment after its definition is established.
  await eventually(async () => Promise.all([QUEUES, WORKER_POOLS].map((type) => rig.client.list(type))));
  const { host, port } = rig.bus;
  consumer = createConsumer({
    redis: { host, port, password: BUS_PASSWORD },
    handler: (decision) => Promise.resolve(void decisions.push(decision)),
  });
});
afterAll(async () => {
  await consumer?.close();
  await rig?.[Symbol.asyncDispose]();
});

/** @param env by default with the bus of the rig */
async function startAutoscaler(
  args: readonly string[],
  env: Record<string, string> = { BUS_REDIS_URL: rig.bus.url },
): Promise<AppProcess> {
  const main = new URL('main.ts', import.meta.url).pathname;
  const { kubeconfigPath } = rig.controlPlane;
  return await startAppProcess('autoscaler', { main, kubeconfigPath, args: ['--log-level=trace', ...args], env });
}

/** Applies the objects of a pool whose Deployment has `replicas`. */
async function apply(namespace: string, name: string, replicas: number): Promise<void> {
  const place = { metadata: { name, namespace } };
  await rig.client.create(QUEUES, { ...aQueue(name), ...place });
  const { status: _status, ...pool } = aPool(name, [name]);
  await rig.client.create(WORKER_POOLS, { ...pool, ...place });
  await rig.client.mergePatch(
    WORKER_POOLS,
    place.metadata,
    { status: { desiredReplicas: replicas } },
    { subresource: 'status' },
  );
}

async function addJobs(name: string, count = 1): Promise<void> {
  const connection = new Redis(rig.redis.url, { maxRetriesPerRequest: 1 });
  await new Queue(name, { connection }).addBulk(Array.from({ length: count }, () => ({ name: 'send', data: {} })));
  connection.disconnect();
}

const decided = (name: string, match: (decision: ScalingDecision) => boolean) =>
  eventually(() => decisions.find((decision) => decision.pool.name === name && match(decision)), {
    timeoutMs: 30_000,
    description: `a decision on ${name}`,
  });

it('the process wakes a pool at zero; killed and started again it begins a later epoch and shrinks nothing', async () => {
  const namespace = await rig.namespace('scaled');
  await apply(namespace, 'first', 0);
  const first = await startAutoscaler(['--leader-elect=false']);
  await decided('first', () => true);
  await addJobs('first');
  const woken = await decided('first', ({ desiredReplicas }) => desiredReplicas === 1);
  const pool = await rig.client.get(WORKER_POOLS, { namespace, name: 'first' });
  expect(woken.pool).toMatchObject({ namespace, uid: pool?.metadata.uid, generation: 1 });
  await first.stop('SIGKILL');
  await rig.client.mergePatch(
    WORKER_POOLS,
    { namespace, name: 'first' },
    { status: { desiredReplicas: 4 } },
    { subresource: 'status' },
  );
  const second = await startAutoscaler(['--leader-elect=false']);
  const later = await decided('first', ({ epoch, currentReplicas }) => epoch > woken.epoch && currentReplicas === 4);
  expect(later.desiredReplicas).toBe(4);
  const metrics = await second.metrics();
  expect(await lintMetrics(metrics)).toEqual([]);
  expect(metrics).toMatch(/redis_queue_autoscaler_desired_replicas\{namespace="scaled[^"]*",pool="first"\} 4/);
  expect((await second.stop('SIGTERM')).code).toBe(0);
  const outputs = [metrics, JSON.stringify(decisions), ...first.lines, ...second.lines];
  expect(outputs.filter((text) => text.includes('hunter2'))).toEqual([]);
});

it('what the status says of blocked pods reaches the decision, and so does its end', async () => {
  const namespace = await rig.namespace('blocked');
  await apply(namespace, 'blocked', 2);
  const say = (status: object) =>
    rig.client.mergePatch(WORKER_POOLS, { namespace, name: 'blocked' }, { status }, { subresource: 'status' });
  await say({ blockedReplicas: { rejected: 1 } });
  await addJobs('blocked', 600);
  const autoscaler = await startAutoscaler(['--leader-elect=false']);
  const held = await decided('blocked', ({ heldBy }) => heldBy === 'QuotaExhausted');
  expect(held.desiredReplicas).toBe(2);
  await say({ blockedReplicas: null });
  await decided('blocked', ({ sequence, desiredReplicas }) => sequence > held.sequence && desiredReplicas > 2);
  expect((await autoscaler.stop('SIGTERM')).code).toBe(0);
});

it('a Secret of the bus that comes after the process, and leads elsewhere later, is followed without a restart', async () => {
  const namespace = await rig.namespace('late');
  await apply(namespace, 'late', 3);
  const args = ['--leader-elect=false', '--bus-secret-name=redis-queue-bus', `--lease-namespace=${namespace}`];
  const autoscaler = await startAutoscaler(args, {});
  await autoscaler.ready({ timeoutMs: 60_000 });
  await autoscaler.waitForLine(/redis-queue-bus of the bus does not exist/, { timeoutMs: 60_000 });
  expect(await autoscaler.metrics()).toMatch(/^redis_queue_bus_configured 0$/m);

  await rig.objects.secret(namespace, { 'redis-url': rig.bus.url }, 'redis-queue-bus');
  const first = await decided('late', () => true);

  const other = await startRedis();
  const moved: ScalingDecision[] = [];
  const reader = createConsumer({
    redis: { host: other.host, port: other.port },
    handler: (decision) => Promise.resolve(void moved.push(decision)),
  });
  await rig.objects.secret(namespace, { 'redis-url': other.url }, 'redis-queue-bus');
  const later = await eventually(() => moved.find(({ pool }) => pool.name === 'late'), { timeoutMs: 30_000 });
  expect(later.epoch).toBeGreaterThan(first.epoch);
  expect(later.desiredReplicas).toBe(3);
  await reader.close();
  expect((await autoscaler.stop('SIGTERM')).code).toBe(0);
  await other.stop();
});

it('the process says which variable is missing when no bus is configured', async () => {
  const child = await startAutoscaler(['--leader-elect=false'], {});
  expect((await child.exited).code).not.toBe(0);
  expect(child.lines.join('\n')).toContain('BUS_REDIS_URL');
});

it('--help names the flags of its own', async () => {
  const child = await startAutoscaler(['--help']);
  expect((await child.exited).code).toBe(0);
  expect(child.stdout.join('\n')).toMatch(
    /--redis-secret-names NAMES[^]*--bus-secret-name NAME[^]*--pod-start-time DURATION[^]*--node-start-time DURATION/,
  );
});

it('a start time of pods that is no duration ends the process with what to write instead', async () => {
  const child = await startAutoscaler(['--pod-start-time=soon']);
  expect((await child.exited).code).toBe(2);
  expect(child.lines.join('\n')).toContain(
    '--pod-start-time soon: must be a duration from 1s to 1h, such as 500ms, 10s',
  );
});
