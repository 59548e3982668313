import { follow, run, type Cluster } from '@redis-queue/rig/pods';

/** What the demo sees of the pool, as `kubectl get --watch` reports it. */
export interface PoolView {
  /** The Deployment's `spec.replicas`. */
  wanted: number;
  ready: number;
  /** Pods that exist, those that still drain not counted. */
  pods: number;
  reason: string;
}

export interface PoolWatch {
  readonly now: PoolView;
  /** The largest size wanted so far. */
  readonly largest: number;
  /** `performance.now()` of the first size above 0, and of the first ready pod. */
  readonly firstWantedMs: number | undefined;
  readonly firstReadyMs: number | undefined;
}

const DEPLOYMENT = '{.spec.replicas}|{.status.replicas}|{.status.readyReplicas}{"\\n"}';
const POOL = '{.status.autoscaling.reason}{"\\n"}';

/** Watches the pool and its Deployment until `signal` aborts. */
export function watchPool({ kubectl }: Cluster, namespace: string, pool: string, signal: AbortSignal): PoolWatch {
  const now: PoolView = { wanted: 0, ready: 0, pods: 0, reason: '' };
  const watch = {
    now,
    largest: 0,
    firstWantedMs: undefined as number | undefined,
    firstReadyMs: undefined as number | undefined,
  };
  const watching = (kind: string, path: string): string[] => [
    'get',
    kind,
    pool,
    '-n',
    namespace,
    '--watch',
    `-o=jsonpath=${path}`,
  ];
  follow(
    kubectl,
    watching('deployment', DEPLOYMENT),
    (line) => {
      const [wanted = 0, pods = 0, ready = 0] = line.split('|').map(Number);
      Object.assign(now, { wanted, pods, ready });
      watch.largest = Math.max(watch.largest, wanted);
      if (wanted > 0) watch.firstWantedMs ??= performance.now();
      if (ready > 0) watch.firstReadyMs ??= performance.now();
    },
    signal,
  );
  follow(
    kubectl,
    watching('workerpools.redis-queue.io', POOL),
    (line) => {
      if (line) now.reason = line;
    },
    signal,
  );
  return watch;
}

/** Pods of the pool that exist, those that still drain included. */
export async function podsOf({ kubectl }: Cluster, namespace: string, pool: string): Promise<number> {
  const names = await run(kubectl, ['get', 'pods', '-n', namespace, '-l', `redis-queue.io/pool=${pool}`, '-o', 'name']);
  return names.split('\n').filter(Boolean).length;
}
