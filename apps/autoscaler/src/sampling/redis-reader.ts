import { setTimeout as sleep } from 'node:timers/promises';
import {
  classifyRedisError,
  QueueWakeups,
  readServerPressure,
  sampleBacklogs,
  sampleFinishedOf,
  sampleHolders,
  sampleUsage,
  type ActiveHolders,
  type BacklogSample,
  type BacklogWish,
  type FinishedSample,
  type FinishedWatermark,
  type PodUsageReport,
  type RedisConnections,
  type RedisTarget,
  type ServerPressure,
  type UsagePlace,
} from '@redis-queue/bullmq';
import type { WatchedQueue } from '../watching/topology.ts';

export type Looked =
  { readonly ok: true; readonly samples: readonly BacklogSample[] } | { readonly ok: false; readonly message: string };

/** A decision does not wait longer for who holds the jobs; less than a tick, so that the next one does not overtake it. */
const HOLDERS_TIMEOUT_MS = 500;

/** All reading from one Redis: looks, finished jobs, wake-ups. Errors are values; none carries a secret. */
export class RedisEye {
  readonly target: RedisTarget;
  readonly #connections: RedisConnections;
  readonly #watermarks = new Map<string, FinishedWatermark>();
  #wakeups: QueueWakeups | undefined;

  constructor(target: RedisTarget, connections: RedisConnections) {
    this.target = target;
    this.#connections = connections;
  }

  /**
   * @param podStartMs delayed jobs due within it are counted as due soon.
   * @param wishes what else is to be read, of each queue.
   */
  async look(queues: readonly WatchedQueue[], podStartMs: number, wishes: readonly BacklogWish[]): Promise<Looked> {
    try {
      const refs = queues.map(({ ref }) => ref);
      const options = { dueSoonMs: podStartMs, wish: (index: number) => wishes[index]! };
      return { ok: true, samples: await sampleBacklogs(this.#connections.get(this.target), refs, options) };
    } catch (error) {
      return { ok: false, message: classifyRedisError(error).message };
    }
  }

  /** What has finished in each queue since the last call; undefined when it could not be read, and the next call tells of it. */
  async finished(queues: readonly WatchedQueue[]): Promise<FinishedSample[] | undefined> {
    try {
      const queries = queues.map(({ id, ref }) => ({ queue: ref, watermark: this.#watermarks.get(id) }));
      const samples = await sampleFinishedOf(this.#connections.get(this.target), queries);
      queues.forEach(({ id }, index) => this.#watermarks.set(id, samples[index]!.watermark));
      return samples;
    } catch {
      return undefined;
    }
  }

  /** How near the server is to its limits; undefined when it does not tell. */
  async pressure(): Promise<ServerPressure | undefined> {
    // Of a Cluster any node would answer, each time another.
    if (this.target.cluster === true) return undefined;
    return readServerPressure(this.#connections.get(this.target)).catch(() => undefined);
  }

  /** Who runs the active jobs of these queues; undefined when there are too many, or when it cannot be read in time. */
  async holders(queues: readonly WatchedQueue[]): Promise<ActiveHolders | undefined> {
    const timeout = new AbortController();
    const late = sleep(HOLDERS_TIMEOUT_MS, undefined, { signal: timeout.signal });
    const refs = queues.map(({ ref }) => ref);
    try {
      return await Promise.race([sampleHolders(this.#connections.get(this.target), refs), late]);
    } catch {
      return undefined;
    } finally {
      timeout.abort();
      late.catch(() => {});
    }
  }

  /** What the pods of these pools told of what they use; undefined when it cannot be read. */
  async usage(places: readonly UsagePlace[]): Promise<PodUsageReport[][] | undefined> {
    try {
      return await sampleUsage(this.#connections.get(this.target), places);
    } catch {
      return undefined;
    }
  }

  /** Whether `watch` can tell of news. Not on a Redis Cluster: connections would be needed to each node, and to each that takes over. */
  get wakes(): boolean {
    return this.target.cluster !== true;
  }

  /**
   * From now on `onWake` is called when jobs come into the queue.
   *
   * @returns whether it is armed. If not, it will be when Redis is reachable again, and is woken then; until that, poll.
   */
  async watch(queue: WatchedQueue, onWake: () => void): Promise<boolean> {
    if (!this.wakes) return false;
    this.#wakeups ??= new QueueWakeups(this.target, { clientName: 'redis-queue-autoscaler' });
    return (await this.#wakeups.watch(queue.ref, onWake)) !== undefined;
  }

  unwatch(queue: WatchedQueue): void {
    this.#wakeups?.unwatch(queue.ref);
  }

  forget(queue: WatchedQueue): void {
    this.unwatch(queue);
    this.#watermarks.delete(queue.id);
  }

  close(): void {
    this.#wakeups?.close();
    this.#connections.release(this.target);
  }
}
