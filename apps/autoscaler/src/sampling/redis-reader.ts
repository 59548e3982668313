import {
  classifyRedisError,
  QueueWakeups,
  readInTime,
  readServerPressure,
  sampleHolders,
  sampleUsage,
  trySampleBacklogs,
  trySampleFinishedOf,
  type ActiveHolders,
  type BacklogFields,
  type BacklogSample,
  type FinishedSample,
  type FinishedWatermark,
  type PodUsageReport,
  type RedisConnections,
  type RedisTarget,
  type Sampled,
  type ServerPressure,
  type UsagePlace,
} from '@redis-queue/bullmq';
import { unlessAborted } from '@redis-queue/controller';
import type { WatchedQueue } from '../watching/topology.ts';

export type SampleResult =
  | { readonly ok: true; readonly samples: readonly Sampled<BacklogSample>[] }
  | { readonly ok: false; readonly message: string };

/**
 * A decision waits no longer than this for the holders of the jobs; less than a tick, so that the next one does not
 * overtake it.
 */
const HOLDERS_TIMEOUT_MS = 500;

/** Of any other read; longer than ioredis takes to give up where it does. */
const READ_TIMEOUT_MS = 6_000;

/** Reads everything that the autoscaler needs from one Redis. Errors are values; none carries a secret. */
export class RedisReader {
  readonly target: RedisTarget;
  readonly #connections: RedisConnections;
  readonly #watermarks = new Map<string, FinishedWatermark>();
  readonly #onWakeUpsFailed: (message: string) => void;
  #wakeups: QueueWakeups | undefined;

  /** @param onWakeUpsFailed called with the reason when wake-ups, or those of one queue, do not work; it is tried again. */
  constructor(
    target: RedisTarget,
    connections: RedisConnections,
    onWakeUpsFailed: (message: string) => void = () => {},
  ) {
    this.target = target;
    this.#connections = connections;
    this.#onWakeUpsFailed = onWakeUpsFailed;
  }

  /**
   * Samples the queues.
   *
   * @param podStartMs delayed jobs due within it are counted as due soon.
   * @param fields what to read besides counts, for each queue.
   */
  async sample(
    queues: readonly WatchedQueue[],
    podStartMs: number,
    fields: readonly BacklogFields[],
  ): Promise<SampleResult> {
    try {
      const refs = queues.map(({ ref }) => ref);
      const options = { dueSoonMs: podStartMs, fields: (index: number) => fields[index]! };
      return { ok: true, samples: await this.#read((redis) => trySampleBacklogs(redis, refs, options)) };
    } catch (error) {
      return { ok: false, message: classifyRedisError(error).message };
    }
  }

  /**
   * What has finished in each queue since the last call; undefined when it could not be read: the next call then covers
   * it.
   */
  async finished(queues: readonly WatchedQueue[]): Promise<(FinishedSample | undefined)[] | undefined> {
    try {
      const queries = queues.map(({ id, ref }) => ({ queue: ref, watermark: this.#watermarks.get(id) }));
      const samples = await this.#read((redis) => trySampleFinishedOf(redis, queries));
      const read = samples.map((sample) => (sample instanceof Error ? undefined : sample));
      queues.forEach(({ id }, index) => {
        if (read[index]) this.#watermarks.set(id, read[index].watermark);
      });
      return read;
    } catch {
      return undefined;
    }
  }

  /** How near the server is to its limits; undefined when that cannot be read. */
  async pressure(): Promise<ServerPressure | undefined> {
    // In a Cluster a different node might answer each time.
    if (this.target.cluster === true) return undefined;
    return this.#read(readServerPressure).catch(() => undefined);
  }

  /**
   * Who holds the active jobs of these queues; undefined when there are too many, or when they cannot be read in time.
   */
  async holders(queues: readonly WatchedQueue[]): Promise<ActiveHolders | undefined> {
    const refs = queues.map(({ ref }) => ref);
    const timeout = AbortSignal.timeout(HOLDERS_TIMEOUT_MS);
    return unlessAborted(timeout, () => sampleHolders(this.#connections.get(this.target), refs)).catch(() => undefined);
  }

  /** What the pods of these pools reported of their usage; undefined when it cannot be read. */
  async usage(places: readonly UsagePlace[]): Promise<PodUsageReport[][] | undefined> {
    try {
      return await this.#read((redis) => sampleUsage(redis, places));
    } catch {
      return undefined;
    }
  }

  /**
   * Whether `watch` works. Not on a Redis Cluster: it would need a connection to each node, and to each that takes
   * over.
   */
  get hasWakeUps(): boolean {
    return this.target.cluster !== true;
  }

  /** Whether changes are reported right now; undefined before the first `watch`, and where it does not work at all. */
  get wakeUpsLive(): boolean | undefined {
    return this.#wakeups?.live;
  }

  /**
   * From now on `onWakeUp` is called when jobs come into the queue.
   *
   * @returns whether the watch is armed. If not, it will be when Redis is reachable again, and `onWakeUp` is called
   * then; poll until then.
   */
  async watch(queue: WatchedQueue, onWakeUp: () => void): Promise<boolean> {
    if (!this.hasWakeUps) return false;
    this.#wakeups ??= new QueueWakeups(this.target, {
      clientName: 'redis-queue-autoscaler',
      onError: (error) => this.#onWakeUpsFailed(classifyRedisError(error).message),
    });
    return (await this.#wakeups.watch(queue.ref, onWakeUp)) !== undefined;
  }

  unwatch(queue: WatchedQueue): void {
    this.#wakeups?.unwatch(queue.ref);
  }

  forget(queue: WatchedQueue): void {
    this.unwatch(queue);
    this.#watermarks.delete(queue.id);
  }

  #read<T>(read: Parameters<typeof readInTime<T>>[3]): Promise<T> {
    return readInTime(this.#connections, this.target, READ_TIMEOUT_MS, read);
  }

  close(): void {
    this.#wakeups?.close();
    this.#connections.release(this.target);
  }
}
