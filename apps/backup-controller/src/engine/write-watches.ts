import {
  connectionKey,
  queueId,
  WriteWatch,
  type QueueRef,
  type QueueWrites,
  type RedisTarget,
} from '@redis-queue/bullmq';
import type { ObjectMemory } from '@redis-queue/controller';

/** A queue that is read for a point. */
interface WatchedQueue {
  /** As the backup names it. */
  readonly name: string;
  readonly ref: QueueRef;
  readonly target: RedisTarget;
}

const CLIENT_NAME = 'redis-queue-backup:writes';
/** Connections of all namespaces; without one a point only takes longer. */
const MOST_WATCHES = 32;
const MOST_PER_NAMESPACE = 4;
/** Redis compares each key that is written with the prefix of each queue. */
const MOST_QUEUES = 50;
/** All jobs are compared once in so many points, in case that not every write was reported. */
const COMPARES_ALL_EVERY = 20;
/** After a watch was overrun, the next points are taken without one: twice as many each time, up to so many. */
const MOST_POINTS_WITHOUT = 16;

interface NamedWatch {
  readonly watch: WriteWatch;
  /** Which ones it is of. */
  readonly queues: string;
}

interface Watched {
  readonly namespace: string;
  /** By Redis and prefix. */
  readonly watches: Map<string, NamedWatch>;
  /** Of the point that was finished last. */
  manifestSha256: string | undefined;
  points: number;
  /** Points to be taken before a watch is tried again. */
  pointsWithout: number;
  overruns: number;
}

/**
 * Watches the queues of incremental backups between their points, so that a point looks only at jobs that were written.
 * It is a cache like the digests: what was not reported is compared.
 */
export class WriteWatches implements ObjectMemory {
  /** By uid of the QueueBackup. */
  readonly #watched = new Map<string, Watched>();

  /** Connections that are open. */
  get size(): number {
    return [...this.#watched.values()].reduce((sum, { watches }) => sum + watches.size, 0);
  }

  /**
   * A point begins.
   *
   * @param manifestSha256 of the point before it; absent: there is none.
   * @param signal has aborted before the object is forgotten: no connection is opened for one that is gone.
   * @returns by name of the queue, what is reported of it. All jobs of another one are to be compared.
   * @throws the reason of `signal`.
   */
  async begin(
    { uid, namespace }: { readonly uid: string; readonly namespace: string },
    queues: readonly WatchedQueue[],
    manifestSha256: string | undefined,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, QueueWrites>> {
    signal.throwIfAborted();
    const watched = this.#watched.get(uid) ?? this.#add(uid, namespace);
    const groups = Map.groupBy(queues, ({ target, ref }) => `${connectionKey(target)} ${ref.prefix}`);
    // What was reported is what happened since another point.
    if (watched.manifestSha256 !== manifestSha256) closeAll(watched);
    this.#closeEnded(watched, groups);
    if (watched.pointsWithout > 0) watched.pointsWithout--;
    else await this.#open(watched, groups, signal);
    for (const { watch } of watched.watches.values()) watch.begin();
    const comparesAll = ++watched.points % COMPARES_ALL_EVERY === 0;
    const all = new Map<string, QueueWrites>();
    for (const [key, group] of groups)
      for (const { name, ref } of group) {
        const writes = watched.watches.get(key)?.watch.writesOf(ref);
        if (writes) all.set(name, comparesAll ? { ...writes, settle: () => Promise.resolve(false) } : writes);
      }
    return all;
  }

  /** The point is written to its end. */
  finish(uid: string, manifestSha256: string): void {
    const watched = this.#watched.get(uid);
    if (!watched) return;
    watched.manifestSha256 = manifestSha256;
    for (const { watch } of watched.watches.values()) watch.finish();
  }

  forget(uid: string): void {
    const watched = this.#watched.get(uid);
    if (watched) closeAll(watched);
    this.#watched.delete(uid);
  }

  #add(uid: string, namespace: string): Watched {
    const watched = {
      namespace,
      watches: new Map<string, NamedWatch>(),
      manifestSha256: undefined,
      points: 0,
      pointsWithout: 0,
      overruns: 0,
    };
    this.#watched.set(uid, watched);
    return watched;
  }

  /** Those to which nothing is reported any more, and those of other queues. */
  #closeEnded(watched: Watched, groups: ReadonlyMap<string, readonly WatchedQueue[]>): void {
    for (const [key, { watch, queues }] of watched.watches) {
      if (watch.isOverrun) watched.pointsWithout = Math.min(2 ** ++watched.overruns, MOST_POINTS_WITHOUT);
      if (watch.isOn && queues === namesOf(groups.get(key))) continue;
      watch.close();
      watched.watches.delete(key);
    }
  }

  async #open(
    watched: Watched,
    groups: ReadonlyMap<string, readonly WatchedQueue[]>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const [key, group] of groups) {
      if (watched.watches.has(key) || group.length > MOST_QUEUES || !this.#hasRoom(watched.namespace)) continue;
      const refs = group.map(({ ref }) => ref);
      // oxlint-disable-next-line no-await-in-loop -- so that their number is bounded
      const watch = await WriteWatch.open(group[0]!.target, refs, { clientName: CLIENT_NAME });
      if (signal.aborted) watch?.close();
      signal.throwIfAborted();
      if (watch) watched.watches.set(key, { watch, queues: namesOf(group) });
    }
  }

  #hasRoom(namespace: string): boolean {
    const open = [...this.#watched.values()].filter((watched) => watched.namespace === namespace);
    const ofNamespace = open.reduce((sum, { watches }) => sum + watches.size, 0);
    return this.size < MOST_WATCHES && ofNamespace < MOST_PER_NAMESPACE;
  }
}

function closeAll({ watches }: Watched): void {
  for (const { watch } of watches.values()) watch.close();
  watches.clear();
}

function namesOf(queues: readonly WatchedQueue[] = []): string {
  return queues.map(({ ref }) => queueId(ref)).join(' ');
}
