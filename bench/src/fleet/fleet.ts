import { QUEUES, WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import type { KubeClient, Resource } from '@redis-queue/controller';
import { inFlight } from '../cluster-objects/in-flight.ts';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';

/** A pool and the queues that it works on, none of them shared. */
export interface FleetPool {
  readonly name: string;
  readonly queues: readonly string[];
}

export interface FleetSpec {
  pools: number;
  /** At least one per pool; spread as evenly as whole numbers allow. */
  queues: number;
  /** Of every pool; absent: the default. */
  scaleDownWindowSeconds?: number;
  /** Of every pool; default 0. */
  minReplicas?: number;
  /** In front of each name, so that several fleets share a Redis; default none. */
  prefix?: string;
}

/** Requests to the API server at once while objects are made. */
export const IN_FLIGHT = 16;
export const FLEET_TIMEOUT_MS = 600_000;
/** One process of each app: a machine too busy with thousands of new objects to renew a Lease must not end the run. */
export const ALONE = '--leader-elect=false';

/** Names for `pools` pools over `queues` queues. Pure. */
export function planFleet({ pools, queues, prefix = '' }: Pick<FleetSpec, 'pools' | 'queues' | 'prefix'>): FleetPool[] {
  if (queues < pools) throw new Error(`${pools} pools need at least as many queues, not ${queues}`);
  const digits = String(queues).length;
  const numbered = (name: string, n: number): string => `${prefix}${name}-${String(n).padStart(digits, '0')}`;
  return Array.from({ length: pools }, (_, n) => {
    const from = Math.floor((n * queues) / pools);
    const to = Math.floor(((n + 1) * queues) / pools);
    return {
      name: numbered('pool', n),
      queues: Array.from({ length: to - from }, (__, offset) => numbered('queue', from + offset)),
    };
  });
}

/**
 * Until each pool has a Deployment and its status reports it: from then on the autoscaler scales it. Thousands of
 * objects are created by controllers that share the machine with the API server.
 */
export async function untilManaged(
  client: KubeClient,
  namespace: string,
  pools: number,
  timeoutMs = FLEET_TIMEOUT_MS,
): Promise<void> {
  const end = new AbortController();
  try {
    const watch = await ObjectWatch.start<WorkerPool & Resource>(client, WORKER_POOLS, namespace, end.signal);
    const unmanaged = watch.unfit(({ spec, status }) => status?.desiredReplicas === spec.replicas);
    await untilNone([unmanaged], timeoutMs, `${pools} pools to have a Deployment`);
  } finally {
    end.abort();
  }
}

/** Creates a Queue for every queue and a WorkerPool of at most 5 replicas for every pool. */
export async function createFleet(client: KubeClient, namespace: string, spec: FleetSpec): Promise<FleetPool[]> {
  const fleet = planFleet(spec);
  const apiVersion = 'redis-queue.io/v1';
  const window = spec.scaleDownWindowSeconds;
  const minReplicas = spec.minReplicas ?? 0;
  const autoscaling = {
    minReplicas,
    maxReplicas: 5,
    ...(window !== undefined && { behavior: { scaleDown: { stabilizationWindowSeconds: window } } }),
  };
  await inFlight(fleet, IN_FLIGHT, async ({ name, queues }) => {
    for (const queue of queues) {
      const metadata = { name: queue, namespace };
      await client.create(QUEUES, { apiVersion, kind: 'Queue', metadata, spec: {} } as Resource);
    }
    // `replicas` applies when no decision comes within a minute, which may happen while thousands are created.
    const size = { replicas: minReplicas, autoscaling };
    const pool = { image: 'registry.example/worker', version: '1', queues, ...size };
    const metadata = { name, namespace };
    await client.create(WORKER_POOLS, { apiVersion, kind: 'WorkerPool', metadata, spec: pool } as Resource);
  });
  return fleet;
}
