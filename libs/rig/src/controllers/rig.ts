import { loadKubeClient, type KubeClient } from '@redis-queue/controller';
import { startControlPlane, type ControlPlane, type ControlPlaneOptions } from '../control-plane/control-plane.ts';
import { startRedis, type RedisOptions, type RedisServer } from '../redis/redis.ts';
import { TestObjects } from './objects.ts';
import { runController, type ControllerSettings, type RunningController, type Wire } from './running-controller.ts';

/** What controllers run against: a real API server with the project's CRDs and a real Redis. Nothing runs pods. */
export interface Rig extends AsyncDisposable {
  readonly controlPlane: ControlPlane;
  /** The Redis of the queues. */
  readonly redis: RedisServer;
  /** The Redis of the bus: that of the queues, unless a separate one was requested. */
  readonly bus: RedisServer;
  /** A client with the rights of the cluster's administrator. */
  readonly client: KubeClient;
  readonly objects: TestObjects;
  /** A namespace with the Secret `redis-credentials`; by default it leads to the Redis of the queues. */
  namespace(prefix?: string, credentials?: Record<string, string>): Promise<string>;
  /** Starts a controller, in this process, by its wire function. Stop it before the rig. */
  controller(wire: Wire, settings?: ControllerSettings): Promise<RunningController>;
}

export interface RigOptions extends Pick<ControlPlaneOptions, 'controllerManager'> {
  redis?: RedisOptions;
  /** Options of a Redis for the bus alone; absent: one Redis for queues and bus. */
  bus?: RedisOptions;
}

/** Starts a rig, in about 5 s. It ends with this process, or before when it is disposed of. */
export async function startRig({ redis: redisOptions, bus: busOptions, ...options }: RigOptions = {}): Promise<Rig> {
  const [controlPlane, redis, busAlone] = await Promise.all([
    startControlPlane({ ...options, crds: true }),
    startRedis(redisOptions),
    busOptions && startRedis(busOptions),
  ]);
  const client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  const objects = new TestObjects(client);
  return {
    controlPlane,
    redis,
    bus: busAlone ?? redis,
    client,
    objects,
    namespace: async (prefix, credentials = { 'redis-url': redis.url }) => {
      const namespace = await controlPlane.createNamespace(prefix);
      await objects.secret(namespace, credentials);
      return namespace;
    },
    controller: async (wire, settings) =>
      await runController(settings?.kubeconfigPath ?? controlPlane.kubeconfigPath, wire, settings),
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await Promise.all([controlPlane.stop(), redis.stop(), busAlone?.stop()]);
    },
  };
}
