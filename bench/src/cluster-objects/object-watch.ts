import type { KubeClient, Resource, ResourceType } from '@redis-queue/controller';

const nothing = (): void => undefined;

/** Longer than any bench: a watch that ended would miss revisions, so its end is an error. */
const WATCH_SECONDS = 7_200;
/** More often than this no API server changes how it serves a kind. */
const MAX_ENDS = 10;

type WatchStream = Awaited<ReturnType<KubeClient['watch']>>;

/** All objects of a type in a namespace, or in all of them, by name, as list and watch report them: every revision, in order. */
export class ObjectWatch<T extends Resource> {
  readonly objects = new Map<string, T>();
  readonly #listeners = new Set<(object: T, deleted: boolean) => void>();

  /**
   * Resolves once what exists is known. The API server ends a watch when it changes how it serves a kind, as it does some
   * time after a CRD was made; the next one goes on where it ended. One that breaks otherwise ends the process: what it
   * missed would be measured wrongly.
   */
  static async start<T extends Resource>(
    client: KubeClient,
    type: ResourceType,
    namespace: string | undefined,
    signal: AbortSignal,
  ): Promise<ObjectWatch<T>> {
    const watch = new ObjectWatch<T>();
    const within = namespace === undefined ? {} : { namespace };
    const { metadata, items } = await client.list<T>(type, within);
    // Items of a list carry no kind, as those of a watch do.
    for (const object of items) watch.objects.set(object.metadata.name, { ...object, kind: type.kind });
    const open = async (resourceVersion: string): Promise<WatchStream> => {
      const stream = await client.watch(type, { ...within, resourceVersion, timeoutSeconds: WATCH_SECONDS });
      signal.addEventListener('abort', () => stream.close(), { once: true });
      return stream;
    };
    void watch.#follow(open, await open(metadata.resourceVersion ?? ''), type, signal).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
    return watch;
  }

  /** Calls `listener` for every change from now on. @returns ends that. */
  onChange(listener: (object: T, deleted: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The objects that do not fit, kept up to date; each change costs one check, so thousands can be waited for. */
  unfit(fits: (object: T) => boolean): Unfit {
    const keys = new Set<string>();
    let changed = nothing;
    const check = (object: T): void => {
      const key = `${object.kind} ${object.metadata.name}`;
      if (fits(object)) keys.delete(key);
      else keys.add(key);
    };
    for (const object of this.objects.values()) check(object);
    const stop = this.onChange((object, deleted) => {
      if (deleted) keys.delete(`${object.kind} ${object.metadata.name}`);
      else check(object);
      changed();
    });
    return { keys, stop, onChange: (listener) => (changed = listener) };
  }

  async #follow(
    open: (resourceVersion: string) => Promise<WatchStream>,
    first: WatchStream,
    type: ResourceType,
    signal: AbortSignal,
  ): Promise<void> {
    for (let stream = first, ends = 0; ; ends++) {
      const seen = await this.#read(stream, type);
      if (signal.aborted) return;
      if (seen === undefined || ends === MAX_ENDS) throw new Error(`the watch of ${type.plural} ended`);
      stream = await open(seen);
    }
  }

  /** @returns the last version that it told of, when it ends. */
  async #read(stream: WatchStream, type: ResourceType): Promise<string | undefined> {
    let seen: string | undefined;
    for await (const event of stream) {
      const { type: kind, object } = event as { type: string; object: T };
      if (kind === 'ERROR') throw new Error(`the watch of ${type.plural} broke: ${JSON.stringify(object)}`);
      seen = object.metadata.resourceVersion;
      if (kind === 'BOOKMARK') continue;
      const deleted = kind === 'DELETED';
      if (deleted) this.objects.delete(object.metadata.name);
      else this.objects.set(object.metadata.name, object);
      for (const listener of this.#listeners) listener(object, deleted);
    }
    return seen;
  }
}

interface Unfit {
  readonly keys: ReadonlySet<string>;
  onChange: (listener: () => void) => void;
  stop: () => void;
}

/**
 * Resolves, with `performance.now()`, as soon as nothing is unfit; at once when nothing is.
 *
 * @param description of what is waited for, for the error.
 */
export async function untilNone(unfit: readonly Unfit[], timeoutMs: number, description: string): Promise<number> {
  const none = (): boolean => unfit.every(({ keys }) => keys.size === 0);
  try {
    if (none()) return performance.now();
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const keys = unfit.flatMap((each) => [...each.keys]);
        const some = keys.slice(0, 5).join(', ');
        reject(new Error(`waited ${timeoutMs} ms for ${description}: ${keys.length} are not, such as ${some}`));
      }, timeoutMs);
      for (const each of unfit) {
        each.onChange(() => {
          if (!none()) return;
          clearTimeout(timer);
          resolve(performance.now());
        });
      }
    });
  } finally {
    for (const each of unfit) each.stop();
  }
}
