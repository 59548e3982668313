import { QUEUES, WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { DEPLOYMENTS, type KubeClient, type Resource } from '@redis-queue/controller';
import { parseFence } from '@redis-queue/scaling-bus';
import { eventually, startAppProcess, type AppName, type AppProcess } from '@redis-queue/rig';
import { startRig, type Rig } from '@redis-queue/rig/controllers';
import { aPool, aQueue } from './testing/objects.ts';

const MAX_REPLICAS = 6;
/** A lease that nobody renews runs out after 15 s; the rest is for a busy machine. */
const TAKEOVER_MS = 60_000;

let rig: Rig;
let client: KubeClient;

beforeAll(async () => {
  rig = await startRig();
  client = rig.client;
  await eventually(async () => Promise.all([QUEUES, WORKER_POOLS].map((type) => client.list(type))));
  await startApp('workerpool-controller', '--leader-elect=false');
});
afterAll(() => rig?.[Symbol.asyncDispose]());

async function startApp(name: AppName, ...args: string[]): Promise<AppProcess> {
  const main = new URL(`../../${name}/src/main.ts`, import.meta.url).pathname;
  const { kubeconfigPath } = rig.controlPlane;
  return await startAppProcess(name, { main, kubeconfigPath, args, env: { BUS_REDIS_URL: rig.bus.url } });
}

const leads = (autoscaler: AppProcess): Promise<string> =>
  autoscaler.waitForLine(/publishing decisions/, { timeoutMs: TAKEOVER_MS });

/**
 * A leader and one that waits, each with a lease in a namespace of its own, and a pool at the size that its jobs ask
 * for.
 */
async function scene(name: string) {
  const namespace = await rig.namespace(name);
  const start = (): Promise<AppProcess> => startApp('autoscaler', `--lease-namespace=${namespace}`);
  const leader = await start();
  await leads(leader);
  const waiting = await start();
  onTestFinished(async () => void (await Promise.all([leader, waiting].map((autoscaler) => autoscaler.stop()))));
  await waiting.waitForLine(/waiting for the lease/, { timeoutMs: TAKEOVER_MS });

  const place = { metadata: { name, namespace } };
  await client.create(QUEUES, { ...aQueue(name), ...place });
  const behavior = { scaleDown: { stabilizationWindowSeconds: 1 } };
  const { status: _status, ...pool } = aPool(name, [name], { maxReplicas: MAX_REPLICAS, behavior });
  await client.create(WORKER_POOLS, { ...pool, ...place });
  const connection = new Redis(rig.redis.url, { maxRetriesPerRequest: 1 });
  onTestFinished(() => connection.disconnect());
  const queue = new Queue(name, { connection });
  await eventually(() => client.get(DEPLOYMENTS, place.metadata));
  await queue.addBulk(Array.from({ length: 600 }, () => ({ name: 'send', data: {} })));

  const read = async (): Promise<WorkerPool> =>
    (await client.get<WorkerPool & Resource>(WORKER_POOLS, place.metadata))!;
  const sized = (replicas: number): Promise<true> =>
    eventually(
      async () => {
        const deployment = await client.get<Resource & { spec: { replicas: number } }>(DEPLOYMENTS, place.metadata);
        expect(deployment?.spec.replicas).toBe(replicas);
        return true as const;
      },
      { timeoutMs: 60_000, description: `${name} to have ${replicas} replicas` },
    );
  /** Every size that a decision gave the pool, oldest first. */
  const sizes = async (): Promise<number[]> =>
    ((await read()).status?.autoscaling?.last ?? []).map(({ to }) => to ?? NaN).toReversed();
  const epoch = async (): Promise<number> => parseFence((await read()).status?.autoscaling?.decision)?.epoch ?? 0;
  /** The status names a decision of a later epoch. */
  const tookOver = (before: number): Promise<boolean> =>
    eventually(async () => (await epoch()) > before, { timeoutMs: TAKEOVER_MS, description: 'a later epoch' });
  await sized(MAX_REPLICAS);
  const firstEpoch = await eventually(epoch);
  return { leader, waiting, queue, sized, sizes, tookOver, firstEpoch };
}

it.each(['SIGKILL', 'SIGTERM'] as const)(
  'when the leader ends by %s, the other one takes over and no size changes',
  async (signal) => {
    const { leader, waiting, sizes, tookOver, firstEpoch } = await scene(`ends-${signal.toLowerCase()}`);
    // The status shows a change a moment after it.
    const before = await eventually(async () => {
      const reported = await sizes();
      return reported.at(-1) === MAX_REPLICAS && reported;
    });
    await leader.stop(signal);
    await leads(waiting);
    await tookOver(firstEpoch);
    expect(await sizes()).toEqual(before);
  },
  180_000,
);

it('a leader that was suspended while another took over changes nothing when it resumes, and exits', async () => {
  const { leader, waiting, queue, sized, sizes, tookOver, firstEpoch } = await scene('stood-still');
  process.kill(leader.pid, 'SIGSTOP');
  await leads(waiting);
  await tookOver(firstEpoch);
  await queue.obliterate({ force: true });
  const before = await eventually(async () => {
    const reported = await sizes();
    return reported.at(-1) === 0 && reported;
  });
  process.kill(leader.pid, 'SIGCONT');
  expect((await leader.exited).code).not.toBe(0);
  expect(leader.lines.some((line) => /lease/i.test(line))).toBe(true);
  // A job added later shows that sizes still follow the new leader; by then anything the old one did would show.
  await queue.add('send', {});
  await sized(1);
  // The status shows a change a moment after it.
  const after = await eventually(async () => {
    const reported = await sizes();
    return reported.length > before.length && reported;
  });
  expect(after).toEqual([...before, 1]);
});
