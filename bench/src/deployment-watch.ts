import { loadKubeClient, type KubeClient, type Resource, type ResourceType } from '@redis-queue/controller';

export const DEPLOYMENTS: ResourceType = {
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  kind: 'Deployment',
  namespaced: true,
};

interface Sized extends Resource {
  spec: { replicas: number };
}

/** The size of one Deployment as a watch tells it, with the moment each change arrived (`performance.now()`). */
export class DeploymentWatch {
  replicas: number | undefined;
  readonly client: KubeClient;
  readonly #waiters = new Set<(replicas: number) => void>();

  constructor(client: KubeClient) {
    this.client = client;
  }

  static async start(
    kubeconfigPath: string,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<DeploymentWatch> {
    const watch = new DeploymentWatch(loadKubeClient({ kubeconfigPath }));
    const fieldSelector = `metadata.name=${name}`;
    const { metadata, items } = await watch.client.list<Sized>(DEPLOYMENTS, { namespace, fieldSelector });
    watch.replicas = items[0]?.spec.replicas;
    const stream = await watch.client.watch(DEPLOYMENTS, {
      namespace,
      fieldSelector,
      resourceVersion: metadata.resourceVersion ?? '',
      timeoutSeconds: 3_600,
    });
    signal.addEventListener('abort', () => stream.close(), { once: true });
    void watch.#read(stream).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return watch;
  }

  /** Resolves, with the time, as soon as the size fits; at once when it already does. */
  async until(fits: (replicas: number) => boolean, timeoutMs: number): Promise<number> {
    if (this.replicas !== undefined && fits(this.replicas)) return performance.now();
    return await new Promise((resolve, reject) => {
      const waiter = (replicas: number): void => {
        if (!fits(replicas)) return;
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(performance.now());
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new Error(`the Deployment still has ${this.replicas} replicas after ${timeoutMs} ms`));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  async #read(stream: AsyncIterable<unknown>): Promise<void> {
    for await (const event of stream) {
      const { type, object } = event as { type: string; object: Sized };
      if (type !== 'ADDED' && type !== 'MODIFIED') continue;
      if (object.spec.replicas === this.replicas) continue;
      this.replicas = object.spec.replicas;
      for (const waiter of this.#waiters) waiter(this.replicas);
    }
  }
}
