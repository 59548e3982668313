import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../client/kube-client.ts';
import type { Condition } from '../objects/conditions.ts';
import { isConflict } from '../client/api-error.ts';
import { keyOf, type ResourceType } from '../objects/resources.ts';
import type { KindObject, StatusOf } from './types.ts';

/** The field manager of what a reconcile writes into status. */
export const STATUS_MANAGER = 'redis-queue-status';

/** Others write the object too; more rounds than this mean something is wrong. */
const MAX_CONFLICTS = 5;

export interface StatusWriterOptions<T extends KindObject> {
  readonly client: KubeClient;
  readonly type: ResourceType;
  /** Two writers of one status have two names, each the owner of its own fields. */
  readonly fieldManager: string;
  /** The fields that this writer owns; absent: all. */
  readonly fields?: readonly (keyof StatusOf<T> & string)[];
}

/**
 * The one way in which status is written: server-side apply of all that its writer owns. A field that is no longer
 * given is removed by the API server, and nobody else's field is touched.
 */
export class StatusWriter<T extends KindObject> {
  readonly #options: StatusWriterOptions<T>;

  constructor(options: StatusWriterOptions<T>) {
    this.#options = options;
  }

  /** What this writer owns of the object's status, as last seen. */
  ownedOf(object: T): Partial<StatusOf<T>> {
    const status: Record<string, unknown> = { ...object.status };
    const fields: readonly string[] = this.#options.fields ?? Object.keys(status);
    const held = fields.filter((field) => status[field] !== undefined).map((field) => [field, status[field]]);
    return Object.fromEntries(held) as Partial<StatusOf<T>>;
  }

  /** Whether `status` differs from what the object has. */
  differs(object: T, status: Partial<StatusOf<T>>): boolean {
    return !isDeepStrictEqual(comparable(this.ownedOf(object)), comparable(status));
  }

  /**
   * Writes the status of `object`, in one request when it is the newest, and never that of another object of its name.
   *
   * @throws ApiError Conflict when the object was re-created since it was read, or changes too fast.
   */
  async write({ metadata }: T, status: Partial<StatusOf<T>>, signal?: AbortSignal): Promise<void> {
    const { client, type } = this.#options;
    let { resourceVersion } = metadata;
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#apply({ ...metadata, resourceVersion }, status, signal);
        return;
      } catch (error) {
        if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
        const now = await client.get(type, keyOf({ metadata }), signal ? { signal } : {});
        if (now?.metadata.uid !== metadata.uid) throw error;
        resourceVersion = now?.metadata.resourceVersion;
      }
    }
  }

  /**
   * Writes it only on the version of `object`: what somebody else wrote since then says more.
   *
   * @throws ApiError Conflict when there is a newer version.
   */
  async writeOnce({ metadata }: T, status: Partial<StatusOf<T>>, signal?: AbortSignal): Promise<void> {
    await this.#apply(metadata, status, signal);
  }

  /** The API server does not compare the uid of a status, only the version: by it another object of the name is recognized. */
  async #apply(
    { name, namespace, uid, resourceVersion }: T['metadata'],
    status: Partial<StatusOf<T>>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { client, type, fieldManager } = this.#options;
    const metadata = {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    };
    await client.apply(
      type,
      { metadata, status },
      { fieldManager, subresource: 'status', force: true, ...(signal && { signal }) },
    );
  }
}

/** The API server keeps conditions in an order of its own, and leaves out what is undefined. */
function comparable(status: { conditions?: readonly Condition[] }): object {
  const conditions = status.conditions?.toSorted((a, b) => a.type.localeCompare(b.type));
  const entries = Object.entries({ ...status, ...(conditions && { conditions }) });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
