import { DEPLOYMENTS, type KubeClient, type Resource } from '@redis-queue/controller';
import { bundleOf, startAppProcess, type AppName, type ChildHandle, type RedisServer } from '@redis-queue/rig';
import { startRig } from '@redis-queue/rig/controllers';
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
const PERSISTENT = { password: PASSWORD, args: ['--appendonly', 'yes'] };
const NODE_OPTIONS = `--max-old-space-size=80 --import=${new URL('shiftable-wall-clock.ts', import.meta.url).href}`;

export async function startOutageStand(): Promise<OutageStand> {
  const stack = new AsyncDisposableStack();
  const rig = stack.use(await startRig({ redis: PERSISTENT, bus: PERSISTENT }));
  const { controlPlane, redis: queues, bus, client } = rig;
  const busClock = stack.use(await startShiftedBusClock(bus.port));
  const namespace = await rig.namespace('outage');
  const end = new AbortController();
  stack.defer(() => end.abort());
  const deployments = await ObjectWatch.start<Sized>(client, DEPLOYMENTS, namespace, end.signal);

  const startApp = async (name: AppName): Promise<ChildHandle> => {
    const app = await startAppProcess(name, {
      main: bundleOf(name),
      kubeconfigPath: controlPlane.kubeconfigPath,
      args: ['--leader-elect=false'],
      env: { NODE_OPTIONS, BUS_REDIS_URL: `redis://:${PASSWORD}@127.0.0.1:${busClock.port}` },
    });
    await app.ready({ timeoutMs: 60_000, intervalMs: 20 });
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
