import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES, WORKER_POOLS } from '@redis-queue/api';
import { apiVersionOf, type KubeClient, type ResourceType } from '@redis-queue/controller';
import type { AppName } from '@redis-queue/rig';

/** How often an object changes: the leader always has something to write. */
const EVERY_MS = 500;
const NAME = 'changing';

/** What an app's objects look like after so many changes; each makes the controller write. */
const SPECS: Partial<Record<AppName, { readonly type: ResourceType; readonly spec: (change: number) => object }>> = {
  'queue-controller': { type: QUEUES, spec: (change) => ({ globalConcurrency: 1 + (change % 100) }) },
  'workerpool-controller': {
    type: WORKER_POOLS,
    spec: (change) => ({
      image: 'registry.example/worker',
      version: `1.${Math.floor(change / 4)}`,
      queues: [NAME],
      replicas: change % 5,
      disruptionBudget: { maxUnavailable: 1 + (Math.floor(change / 6) % 5) },
    }),
  },
};

/** Changes an object of the app's kind all the time, from now on; `fresh` makes another, in place of the one before. */
export function startChanges(
  app: AppName,
  namespace: string,
  client: KubeClient,
): AsyncDisposable & { fresh(): Promise<void> } {
  const kind = SPECS[app];
  if (!kind) throw new Error(`${app} has no objects that change`);
  const { type, spec } = kind;
  const end = new AbortController();
  const apply = async (of: ResourceType, name: string, content: object): Promise<void> => {
    await client.apply(of, { metadata: { namespace, name }, spec: content }, { fieldManager: 'bench', force: true });
  };
  const run = async (): Promise<void> => {
    await apply(QUEUES, NAME, {});
    for (let change = 0; !end.signal.aborted; change++) {
      // oxlint-disable-next-line no-await-in-loop -- a change after the other
      await apply(type, NAME, spec(change)).catch(() => undefined);
      // oxlint-disable-next-line no-await-in-loop -- see above
      await sleep(EVERY_MS, undefined, { signal: end.signal }).catch(() => undefined);
    }
  };
  const running = run();
  let made = 0;
  return {
    async fresh() {
      if (made > 0) await client.delete(type, { namespace, name: `fresh-${made}` });
      made++;
      const name = `fresh-${made}`;
      const content = app === 'queue-controller' ? { name } : {};
      const object = { apiVersion: apiVersionOf(type), kind: type.kind, metadata: { namespace, name } };
      await client.create(type, { ...object, spec: { ...spec(made), ...content } } as typeof object);
    },
    async [Symbol.asyncDispose]() {
      end.abort();
      await running;
    },
  };
}
