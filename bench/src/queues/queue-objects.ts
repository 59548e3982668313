import { QUEUES, type Queue, type QueueStatus } from '@redis-queue/api';
import { SECRETS, typeMeta, type KubeClient, type Resource } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { untilNone, type ObjectWatch } from '../cluster-objects/object-watch.ts';
import type { Stand } from '../stand/stand.ts';

const TIMEOUT_MS = 600_000;

export type QueueObject = Queue & Resource;

export interface Place {
  readonly namespace: string;
  readonly name: string;
}

/** As a team writes them: something to bring to Redis, and nothing that costs more than that. */
const SPEC: Queue['spec'] = { globalConcurrency: 50, rateLimits: { maxJobsPerSecond: 1_000 } };

/** Namespaces with a Secret that leads to the stand's Redis. */
export async function createNamespaces(client: KubeClient, stand: Stand, count: number): Promise<string[]> {
  const created: string[] = [];
  for (let n = 0; n < count; n++) {
    const namespace = await stand.controlPlane.createNamespace('queues');
    const metadata = { name: 'redis-credentials', namespace };
    const stringData = { 'redis-url': stand.redis.url };
    await client.create(SECRETS, { ...typeMeta(SECRETS), metadata, stringData } as Resource);
    created.push(namespace);
  }
  return created;
}

/** Queues of names that no other has, spread over the namespaces. */
export function placesIn(namespaces: readonly string[], prefix: string, count: number): Place[] {
  return Array.from({ length: count }, (_, n) => ({
    namespace: namespaces[n % namespaces.length]!,
    name: `${prefix}-${n}`,
  }));
}

export async function createQueue(client: KubeClient, place: Place): Promise<QueueObject> {
  return await client.create(QUEUES, { ...typeMeta(QUEUES), metadata: { ...place }, spec: SPEC } as QueueObject);
}

/** What a Queue costs at least: the object, and a status by server-side apply such as ours. */
export async function createBare(client: KubeClient, place: Place, status: QueueStatus): Promise<void> {
  await createQueue(client, place);
  const object = { metadata: { ...place }, status };
  await client.apply(QUEUES, object, { fieldManager: 'bare', force: true, subresource: 'status' });
}

/** Resolves, with `performance.now()`, as soon as all are there and Ready. */
export async function untilReady(watch: ObjectWatch<QueueObject>, places: readonly Place[]): Promise<number> {
  const names = new Set(places.map(({ name }) => name));
  // The watch learns of new objects one by one: all of them must be there before "none is unfit" means anything.
  const missing = new Set(names);
  const areThere = (): boolean => {
    for (const name of missing) {
      if (!watch.objects.has(name)) return false;
      missing.delete(name);
    }
    return true;
  };
  await eventually(areThere, { timeoutMs: TIMEOUT_MS, intervalMs: 2, description: `${names.size} Queues` });
  const unready = watch.unfit((queue) => !names.has(queue.metadata.name) || isReady(queue));
  return await untilNone([unready], TIMEOUT_MS, `${names.size} Queues to be Ready`);
}

function isReady({ metadata, status }: QueueObject): boolean {
  if (status?.observedGeneration !== metadata.generation) return false;
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}
