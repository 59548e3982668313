import { setTimeout as sleep } from 'node:timers/promises';
import {
  classifyRedisError,
  QueueWakeups,
  sampleFinished,
  sampleHolders,
  sampleQueues,
  type ActiveHolders,
  type FinishedSample,
  type FinishedWatermark,
  type QueueSample,
  type RedisConnections,
  type RedisTarget,
} from '@redis-queue/bullmq';
import type { WatchedQueue } from './topology.ts';

export type Looked =
  { readonly ok: true; readonly samples: readonly QueueSample[] } | { readonly ok: false; readonly message: string };

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

  /** @param podStartMs delayed jobs due within it are counted as due soon. */
  async look(queues: readonly WatchedQueue[], podStartMs: number): Promise<Looked> {
    try {
      const refs = queues.map(({ ref }) => ref);
      return {
        ok: true,
        samples: await sampleQueues(this.#connections.get(this.target), refs, { dueSoonMs: podStartMs }),
      };
    } catch (error) {
      return { ok: false, message: classifyRedisError(error).message };
    }
  }

  /** What has finished since the last call; undefined when it could not be read, and the next call tells of it. */
  async finished(queue: WatchedQueue): Promise<FinishedSample | undefined> {
    try {
      const sample = await sampleFinished(
        this.#connections.get(this.target),
        queue.ref,
        this.#watermarks.get(queue.id),
      );
      this.#watermarks.set(queue.id, sample.watermark);
      return sample;
    } catch {
      return undefined;
    }
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

  /**
   * From now on `onWake` is called when jobs come into the queue.
   *
   * @returns whether it is armed. If not, it will be when Redis is reachable again, and is woken then; until that, poll.
   */
  async watch(queue: WatchedQueue, onWake: () => void): Promise<boolean> {
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
