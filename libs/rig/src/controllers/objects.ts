import {
  apiVersionOf,
  EVENTS,
  findCondition,
  keyOf,
  SECRETS,
  type Condition,
  type KubeClient,
  type Resource,
  type ResourceType,
} from '@redis-queue/controller';
import { eventually } from '../waiting/eventually.ts';

/** Where a team's objects find the credentials of their Redis when they name no other Secret. */
const CREDENTIALS = 'redis-credentials';

export interface StoredEvent {
  type: string;
  reason: string;
  message: string;
  count: number;
}

export interface WithConditions extends Resource {
  status?: { conditions?: Condition[] };
}

/** Creates and reads objects for tests, with the client of a cluster's administrator. */
export class TestObjects {
  readonly #client: KubeClient;

  constructor(client: KubeClient) {
    this.#client = client;
  }

  /** Creates or replaces a Secret of these texts. */
  async secret(namespace: string, texts: Record<string, string>, name = CREDENTIALS): Promise<Resource> {
    const encoded = Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]);
    const secret = { metadata: { namespace, name }, data: Object.fromEntries(encoded) as Record<string, string> };
    return await this.#client.apply(SECRETS, secret, { fieldManager: 'test', force: true });
  }

  async create<T extends Resource>(type: ResourceType, metadata: Resource['metadata'], spec: object = {}): Promise<T> {
    const object = { apiVersion: apiVersionOf(type), kind: type.kind, metadata, spec };
    return await this.#client.create<T>(type, object as unknown as T);
  }

  /** The object as it is now. @throws when there is none. */
  async read<T extends Resource>(type: ResourceType, object: T): Promise<T> {
    const now = await this.#client.get<T>(type, keyOf(object));
    if (!now) throw new Error(`${type.kind} ${object.metadata.name} is gone`);
    return now;
  }

  /** Waits until the condition has that reason for the newest generation, and returns the object; default 30 s. */
  async settled<T extends WithConditions>(
    type: ResourceType,
    object: T,
    reason: string,
    { condition = 'Ready', timeoutMs = 30_000 }: { condition?: string; timeoutMs?: number } = {},
  ): Promise<T> {
    return await eventually(
      async () => {
        const now = await this.read(type, object);
        const found = findCondition(now.status?.conditions, condition);
        if (found?.reason === reason && found.observedGeneration === now.metadata.generation) return now;
        throw new Error(`${condition} is ${JSON.stringify(found)}`);
      },
      { timeoutMs, description: `${object.metadata.name} to be ${reason}` },
    );
  }

  /** The events about an object. */
  async eventsOf({ metadata }: Resource): Promise<StoredEvent[]> {
    type Event = Resource & StoredEvent & { involvedObject: { uid: string } };
    const { items } = await this.#client.list<Event>(EVENTS, { namespace: metadata.namespace! });
    return items
      .filter((event) => event.involvedObject.uid === metadata.uid)
      .map(({ type, reason, message, count }) => ({ type, reason, message, count }));
  }
}
