import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeClient } from '../client/kube-client.ts';
import type { Condition } from '../objects/conditions.ts';
import { ApiError, isConflict, isNotFound } from '../client/api-error.ts';
import { keyOf, type ResourceType } from '../objects/resources.ts';
import type { KindObject, ObjectMemory, StatusOf } from './types.ts';

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
  /** What it writes was found out just now, whatever the status said before, as what is measured. Default false. */
  readonly latestWins?: boolean;
}

/** The status was written by another, or by this process, since the object was read; nothing was written now. */
export class NewerStatusError extends ApiError {
  /** As the API server has it. */
  readonly newest: KindObject;

  constructor(newest: KindObject, { plural }: ResourceType) {
    const message = 'the status was written since the object was read';
    super(`apply ${plural}/status`, { code: 409, reason: 'Conflict', message });
    this.newest = newest;
  }
}

/**
 * The one way in which status is written: server-side apply of all that its writer owns. A field that is no longer
 * given is removed by the API server, and nobody else's field is touched.
 */
export class StatusWriter<T extends KindObject> implements ObjectMemory {
  readonly #options: StatusWriterOptions<T>;
  /** Of each object, by uid, a digest of the status that it is to have. */
  readonly #expected = new Map<string, string>();
  /** Of the status that an object has. Objects of a cache are never changed, so an object is its version. */
  readonly #digests = new WeakMap<T, string>();

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
    return !isDeepStrictEqual(comparable(this.ownedOf(object)), comparable(wellFormed(status)));
  }

  /** Takes down that the object has the status that it is to have for now. */
  accept(object: T): void {
    this.#expected.set(object.metadata.uid ?? '', this.#digestOf(object));
  }

  /** Whether somebody else changed what the object is to say. False while nothing is known of it. */
  isOverwritten(object: T): boolean {
    const expected = this.#expected.get(object.metadata.uid ?? '');
    return expected !== undefined && expected !== this.#digestOf(object);
  }

  forget(uid: string): void {
    this.#expected.delete(uid);
  }

  /**
   * Writes the status of `object`, in one request when it is the newest, and never that of another object of its name.
   * What has been written of it since is left as it is, unless the latest wins: it says what this one does not know of,
   * as that a run has ended.
   *
   * @returns false when the object is gone, also when another has its name now, and with it what there was to say.
   * @throws NewerStatusError when the status is not the one of `object` any more; ApiError Conflict when the object
   * changes too fast.
   */
  async write(object: T, said: Partial<StatusOf<T>>, signal?: AbortSignal): Promise<boolean> {
    const { client, type, latestWins = false } = this.#options;
    const status = wellFormed(said);
    const { metadata } = object;
    // Before the write: a watch may show it before its answer comes.
    this.#expected.set(metadata.uid ?? '', digest(status));
    let { resourceVersion } = metadata;
    for (let conflicts = 0; ; conflicts++) {
      try {
        await this.#apply({ ...metadata, resourceVersion }, status, signal);
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        if (!isConflict(error) || conflicts >= MAX_CONFLICTS) throw error;
        const now = await client.get<T>(type, keyOf({ metadata }), signal ? { signal } : {});
        if (!now) return false;
        if (now.metadata.uid !== metadata.uid) return false;
        if (!latestWins && this.differs(now, this.ownedOf(object))) {
          this.forget(metadata.uid ?? '');
          throw new NewerStatusError(now, type);
        }
        resourceVersion = now.metadata.resourceVersion;
      }
    }
  }

  /**
   * Writes it only on the version of `object`: what somebody else wrote since then says more.
   *
   * @throws ApiError Conflict when there is a newer version.
   */
  async writeOnce({ metadata }: T, said: Partial<StatusOf<T>>, signal?: AbortSignal): Promise<void> {
    const status = wellFormed(said);
    this.#expected.set(metadata.uid ?? '', digest(status));
    await this.#apply(metadata, status, signal);
  }

  #digestOf(object: T): string {
    const known = this.#digests.get(object);
    if (known !== undefined) return known;
    const fresh = digest(this.ownedOf(object));
    this.#digests.set(object, fresh);
    return fresh;
  }

  /**
   * The API server does not compare the uid of a status, only the version: by it another object of the name is
   * recognized.
   */
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

/**
 * With U+FFFD for each half of a character, of which there may be some in a tenant's text: the API server refuses them.
 */
function wellFormed<V>(value: V): V {
  if (typeof value === 'string') return value.toWellFormed() as V;
  if (Array.isArray(value)) return value.map(wellFormed) as V;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, wellFormed<unknown>(each)])) as V;
}

/** The API server keeps conditions in an order of its own, and leaves out what is undefined. */
function comparable(status: { conditions?: readonly Condition[] }): object {
  const conditions = status.conditions?.toSorted((a, b) => a.type.localeCompare(b.type));
  const entries = Object.entries({ ...status, ...(conditions && { conditions }) });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}

function digest(status: { conditions?: readonly Condition[] }): string {
  return createHash('sha256')
    .update(JSON.stringify(comparable(status), inOrder))
    .digest('base64');
}

/** The fields of an object in the order of their names, whoever wrote them. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
