import { join } from 'node:path';
import { DEPLOYMENTS, loadKubeClient, type KubeClient, type Resource } from '@redis-queue/controller';
import {
  eventually,
  freePort,
  startControlPlane,
  startProcess,
  startRedis,
  workspaceRoot,
  type ChildHandle,
  type RedisServer,
} from '@redis-queue/rig';
import { ObjectWatch } from '../cluster-objects/object-watch.ts';
import { startShiftedBusClock, type ShiftedBusClock } from './shifted-bus-clock.ts';

export interface Sized extends Resource {
  spec: { replicas: number };
}

/** API server, a Redis for queues and one for the bus, and both apps as bundled processes; no pods run. */
export interface OutageStand extends AsyncDisposable {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly deployments: ObjectWatch<Sized>;
  readonly queues: RedisServer;
  readonly bus: RedisServer;
  readonly busClock: ShiftedBusClock;
  readonly controller: ChildHandle;
  /** The one that runs, or ran last. */
  readonly autoscaler: ChildHandle;
  /** Resolves when the new process is ready. */
  startAutoscaler(): Promise<void>;
}

const PASSWORD = 'bench';
/** A Redis that is killed comes back with its data. */
const PERSISTENT = ['--appendonly', 'yes'];
const NODE_OPTIONS = `--max-old-space-size=80 --import=${new URL('shiftable-wall-clock.ts', import.meta.url).href}`;

export async function startOutageStand(): Promise<OutageStand> {
  const stack = new AsyncDisposableStack();
  const [controlPlane, queues, bus] = await Promise.all([
    startControlPlane({ crds: true }),
    startRedis({ password: PASSWORD, args: PERSISTENT }),
    startRedis({ password: PASSWORD, args: PERSISTENT }),
  ]);
  stack.defer(async () => void (await Promise.all([controlPlane.stop(), queues.stop(), bus.stop()])));
  const busClock = stack.use(await startShiftedBusClock(bus.port));
  const namespace = await controlPlane.createNamespace('outage');
  await controlPlane.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'redis-credentials', namespace },
    stringData: { 'redis-url': queues.url },
  });
  const client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  stack.defer(() => client.close());
  const end = new AbortController();
  stack.defer(() => end.abort());
  const deployments = await ObjectWatch.start<Sized>(client, DEPLOYMENTS, namespace, end.signal);

  const startApp = async (name: string): Promise<ChildHandle> => {
    const port = await freePort();
    const app = startProcess(
      process.execPath,
      [
        join(workspaceRoot, 'apps', name, 'dist/main.js'),
        `--kubeconfig=${controlPlane.kubeconfigPath}`,
        `--http-port=${port}`,
        '--leader-elect=false',
      ],
      { env: { NODE_OPTIONS, BUS_REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${busClock.port}` } },
    );
    const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok;
    await eventually(ready, { timeoutMs: 60_000, intervalMs: 20, description: `${name} to be ready` }).catch(
      (error: unknown) => {
        throw new Error(`${name} did not get ready:\n${app.lines.slice(-10).join('\n')}`, { cause: error });
      },
    );
    return app;
  };
  const controller = await startApp('workerpool-controller');
  let autoscaler = await startApp('autoscaler');
  stack.defer(async () => void (await Promise.all([controller.stop(), autoscaler.stop()])));
  return {
    client,
    namespace,
    deployments,
    queues,
    bus,
    busClock,
    controller,
    get autoscaler() {
      return autoscaler;
    },
    startAutoscaler: async () => void (autoscaler = await startApp('autoscaler')),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
