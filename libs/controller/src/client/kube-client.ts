import type { ObjectKey, Resource, ResourceList, ResourceType } from '../objects/resources.ts';
import { apiVersionOf, keyOf } from '../objects/resources.ts';
import { isNotFound } from './api-error.ts';
import type { RequestInput, Transport, WatchStream } from './transport.ts';
import type { WriteJournal } from './write-journal.ts';

export interface RequestOptions {
  signal?: AbortSignal;
}

export interface ListOptions extends RequestOptions {
  /** Absent: all namespaces. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  /** The objects carry `metadata` alone (PartialObjectMetadata). */
  metadataOnly?: boolean;
}

export interface WatchOptions extends RequestOptions {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  resourceVersion: string;
  timeoutSeconds: number;
  /** As in `ListOptions`. */
  metadataOnly?: boolean;
}

export interface WriteOptions extends RequestOptions {
  subresource?: 'status' | 'scale';
  fieldManager?: string;
  dryRun?: boolean;
  fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
}

export interface ApplyOptions extends WriteOptions {
  fieldManager: string;
  /** Take fields over from other managers instead of a 409 Conflict. */
  force?: boolean;
}

export interface DeleteOptions extends RequestOptions {
  /** Delete only this very object; 409 Conflict when another has the name by now. */
  uid?: string;
  resourceVersion?: string;
  propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
}

/** The fields to apply; `apiVersion` and `kind` are filled in from the type. */
export type ApplyObject = Resource | { metadata: { name: string; namespace?: string }; [field: string]: unknown };

/**
 * The Kubernetes API as plain JSON. Every method throws `ApiError` when the server refuses and `ConnectionError` when
 * it does not answer. 429 and 503 with Retry-After are tried again as the server asks.
 */
export class KubeClient {
  readonly #transport: Transport;
  readonly #journal: WriteJournal;

  constructor(transport: Transport, journal: WriteJournal) {
    this.#transport = transport;
    this.#journal = journal;
  }

  get transport(): Transport {
    return this.#transport;
  }

  get journal(): WriteJournal {
    return this.#journal;
  }

  /** A client of the same server with connections of its own, which nothing that hangs on this one delays. */
  separate(options: Parameters<Transport['separate']>[0] = {}): KubeClient {
    return new KubeClient(this.#transport.separate(options), this.#journal);
  }

  /** @returns undefined when there is no such object */
  async get<T extends Resource = Resource>(
    type: ResourceType,
    key: ObjectKey,
    options: RequestOptions & { subresource?: 'status' | 'scale' } = {},
  ): Promise<T | undefined> {
    try {
      const path = objectPath(type, key, options.subresource);
      return await this.#send<T>({ verb: 'get', method: 'GET', path, signal: options.signal });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /**
   * One page; follow `metadata.continue` for more when `limit` is given. Without `resourceVersion` the read is
   * consistent. `each` is called with each item as it arrives and gives what the list holds of it, so that the whole
   * objects are in memory one at a time.
   */
  async list<T extends Resource = Resource>(
    type: ResourceType,
    options: ListOptions & { each?: (item: T) => T } = {},
  ): Promise<ResourceList<T>> {
    const { namespace, signal, labelSelector, fieldSelector, limit, resourceVersion } = options;
    const query = { labelSelector, fieldSelector, limit, resourceVersion, continue: options.continue };
    const accept = options.metadataOnly ? partialMetadata('PartialObjectMetadataList') : undefined;
    const each = options.each as RequestInput['each'];
    const path = collectionPath(type, namespace);
    const request = { verb: 'list', method: 'GET', path, query, accept, signal, ...(each && { each }) } as const;
    const list = await this.#send<ResourceList<T>>(request);
    // A list of metadata alone that is empty has `items: null`.
    return { ...list, items: list.items ?? [] };
  }

  /** Opens a watch with bookmarks; resolves when the server has accepted it. */
  watch(type: ResourceType, options: WatchOptions): Promise<WatchStream> {
    const { namespace, signal, metadataOnly, ...query } = options;
    return this.#transport.watch({
      verb: 'watch',
      method: 'GET',
      path: collectionPath(type, namespace),
      query: { ...query, watch: true, allowWatchBookmarks: true },
      accept: metadataOnly ? partialMetadata('PartialObjectMetadata') : undefined,
      signal,
    });
  }

  create<T extends Resource = Resource>(type: ResourceType, object: T, options: WriteOptions = {}): Promise<T> {
    const path = collectionPath(type, object.metadata.namespace);
    return this.#write(type, { verb: 'create', method: 'POST', path, body: object }, options);
  }

  /** Replaces the object; 409 Conflict unless `metadata.resourceVersion` is absent or current. */
  update<T extends Resource = Resource>(type: ResourceType, object: T, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(type, keyOf(object), options.subresource);
    return this.#write(type, { verb: 'update', method: 'PUT', path, body: object }, options);
  }

  /** Server-side apply. Carry `metadata.uid` and `resourceVersion` to refuse a re-created or changed object (409). */
  apply<T extends Resource = Resource>(type: ResourceType, object: ApplyObject, options: ApplyOptions): Promise<T> {
    const path = objectPath(type, keyOf(object), options.subresource);
    const body = { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
    const contentType = 'application/apply-patch+yaml'; // JSON is YAML
    return this.#write(type, { verb: 'apply', method: 'PATCH', path, body, contentType }, options, options.force);
  }

  mergePatch<T extends Resource = Resource>(
    type: ResourceType,
    key: ObjectKey,
    patch: object,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = objectPath(type, key, options.subresource);
    const contentType = 'application/merge-patch+json';
    return this.#write(type, { verb: 'patch', method: 'PATCH', path, body: patch, contentType }, options);
  }

  /** @returns false when there was no such object */
  async delete(type: ResourceType, key: ObjectKey, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, propagationPolicy = 'Background', signal } = options;
    const preconditions = uid || resourceVersion ? { uid, resourceVersion } : undefined;
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy, preconditions };
    try {
      await this.#send({ verb: 'delete', method: 'DELETE', path: objectPath(type, key), body, signal });
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  }

  /**
   * Whether the PodDisruptionBudgets over the pod let it be evicted now; nothing is changed. The ApiError of 429 says which
   * does not.
   */
  async dryRunEviction(type: ResourceType, key: ObjectKey, options: RequestOptions = {}): Promise<void> {
    const { name, namespace } = key;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    const path = `${objectPath(type, key)}/eviction`;
    await this.#send({ verb: 'create', method: 'POST', path, query: { dryRun: 'All' }, body, signal: options.signal });
  }

  /** A request to any path, for what is not an object (`/version`, `/api`). */
  raw<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#send<T>({ verb: 'get', method: 'GET', path, signal: options.signal });
  }

  /** Ends all connections. */
  close(): Promise<void> {
    return this.#transport.close();
  }

  async #write<T extends Resource>(
    type: ResourceType,
    request: Omit<RequestInput, 'query'>,
    options: WriteOptions,
    force?: boolean,
  ): Promise<T> {
    const { fieldManager, fieldValidation, signal } = options;
    const dryRun = options.dryRun ? 'All' : undefined;
    const written = await this.#send<T>({
      ...request,
      query: { fieldManager, fieldValidation, dryRun, force },
      signal,
    });
    if (!dryRun && options.subresource !== 'scale') this.#journal.record(type, written);
    return written;
  }

  async #send<T>(input: RequestInput): Promise<T> {
    const request = `${input.method} ${input.path}`;
    return (await this.#journal.awaiting(request, () => this.#transport.request(input))) as T;
  }
}

/** How the API server is asked for metadata alone: Kubernetes API concepts, "Metadata-only fetches". */
function partialMetadata(as: 'PartialObjectMetadata' | 'PartialObjectMetadataList'): string {
  return `application/json;as=${as};g=meta.k8s.io;v=v1`;
}

function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  return type.namespaced && namespace !== undefined
    ? `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`
    : `${root}/${type.plural}`;
}

function objectPath(type: ResourceType, key: ObjectKey, subresource?: string): string {
  if (type.namespaced && !key.namespace) {
    throw new Error(
      `${type.kind} ${key.name}: namespace is missing, and ${type.plural} are namespaced; set it in the key.`,
    );
  }
  const path = `${collectionPath(type, key.namespace)}/${encodeURIComponent(key.name)}`;
  return subresource ? `${path}/${subresource}` : path;
}
