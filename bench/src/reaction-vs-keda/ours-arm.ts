import { QUEUES, WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { APP_NAMES } from '@redis-queue/rig';
import { randomPause, type Arm, type ArmContext } from './arm.ts';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import type { RunningApp } from '../stand/stand.ts';

const TIMEOUT_MS = 60_000;
/**
 * Until a new pool is at rest for the autoscaler, which samples a queue every 2 s until it has seen its pools at zero.
 */
const PAUSE_MS = [3_000, 9_000] as const;

/** The bundled apps with a Queue and a WorkerPool. */
export async function oursArm({ stand, client, target }: ArmContext): Promise<Arm> {
  const { namespace } = stand;
  const apps: RunningApp[] = [];
  for (const app of APP_NAMES) apps.push(await stand.startApp(app));
  const end = new AbortController();
  const pools = await ObjectWatch.start<WorkerPool & Resource>(client, WORKER_POOLS, namespace, end.signal);

  return {
    // One by one: a burst is over in less than a second.
    lanes: 1,
    timeoutMs: TIMEOUT_MS,
    prepare: async (name, random) => {
      const apiVersion = 'redis-queue.io/v1';
      const metadata = { name, namespace };
      const autoscaling = { maxReplicas: target.maxReplicas, targetMetrics: { queueDepth: target.jobsPerReplica } };
      const spec = { image: 'registry.example/worker', version: '1', queues: [name], autoscaling };
      await client.create(QUEUES, { apiVersion, kind: 'Queue', metadata, spec: {} } as Resource);
      await client.create(WORKER_POOLS, { apiVersion, kind: 'WorkerPool', metadata, spec } as Resource);
      const unmanaged = pools.unfit((pool) => pool.metadata.name !== name || pool.status?.desiredReplicas === 0);
      await untilNone([unmanaged], TIMEOUT_MS, `WorkerPool ${name} to have a Deployment at zero`);
      await randomPause(random, ...PAUSE_MS);
    },
    remove: async (name) => {
      await client.delete(WORKER_POOLS, { namespace, name });
      await client.delete(QUEUES, { namespace, name });
    },
    [Symbol.asyncDispose]: async () => {
      end.abort();
      await Promise.all(apps.map((app) => app.process.stop('SIGTERM')));
    },
  };
}
