import {
  classifyRedisError,
  ClusterWakeups,
  connectionKey,
  describeTarget,
  QueueWakeups,
  readClientIdleTimes,
  readInTime,
  readServerPressure,
  sampleHolders,
  sampleUsage,
  trySampleBacklogs,
  trySampleFinishedOf,
  type ActiveHolders,
  type BacklogFields,
  type BacklogSample,
  type ConnectionShares,
  type FinishedSample,
  type FinishedWatermark,
  type PodUsageReport,
  type RedisConnections,
  type RedisTarget,
  type Sampled,
  type ServerPressure,
  type UsagePlace,
  type Wakeups,
} from '@redis-queue/bullmq';
import { unlessAborted } from '@redis-queue/controller';
import { MOST_CLIENTS, type SpeakingClients } from '@redis-queue/scaling-bus';
import type { WatchedQueue } from '../watching/topology.ts';

export type SampleResult =
  | { readonly ok: true; readonly samples: readonly Sampled<BacklogSample>[] }
  /** `waits`: nothing was asked of Redis, because the share of connections is used up. */
  | { readonly ok: false; readonly message: string; readonly waits: boolean };

export interface ReaderOptions {
  readonly connections: RedisConnections;
  /** Shares of the connections that are open for good, for wake-ups; absent: no limit. */
  readonly standing?: ConnectionShares;
  /** Called with the reason when wake-ups, or those of one queue, do not work; it is tried again. */
  readonly onWakeUpsFailed?: (message: string) => void;
  /** Called when wake-ups worked and no longer do, as the connection was lost. */
  readonly onWakeUpsLost?: () => void;
}

/**
 * A decision waits no longer than this for the holders of the jobs; less than a tick, so that the next one does not
 * overtake it.
 */
const HOLDERS_TIMEOUT_MS = 500;

/** Of why it is not known who speaks to a Redis; as many characters as the bus takes. */
const LONGEST_UNKNOWN = 1_024;

/** Of any other read; longer than ioredis takes to give up where it does. */
const READ_TIMEOUT_MS = 6_000;

/** Reads everything that the autoscaler needs from one Redis. Errors are values; none carries a secret. */
export class RedisReader {
  readonly target: RedisTarget;
  /** Whose share of connections the reads count for. */
  namespace: string;
  readonly #connections: RedisConnections;
  readonly #standing: ConnectionShares | undefined;
  readonly #watermarks = new Map<string, FinishedWatermark>();
  readonly #onWakeUpsFailed: (message: string) => void;
  readonly #onWakeUpsLost: () => void;
  #wakeups: Wakeups | undefined;

  constructor(target: RedisTarget, namespace: string, options: ReaderOptions) {
    const { connections, standing, onWakeUpsFailed = () => {}, onWakeUpsLost = () => {} } = options;
    this.target = target;
    this.namespace = namespace;
    this.#connections = connections;
    this.#standing = standing;
    this.#onWakeUpsFailed = onWakeUpsFailed;
    this.#onWakeUpsLost = onWakeUpsLost;
  }

  /**
   * Samples the queues.
   *
   * @param podStartMs for each queue: its delayed jobs due within it are counted as due soon.
   * @param fields what to read besides counts, for each queue.
   */
  async sample(
    queues: readonly WatchedQueue[],
    podStartMs: readonly number[],
    fields: readonly BacklogFields[],
  ): Promise<SampleResult> {
    try {
      const refs = queues.map(({ ref }) => ref);
      const options = {
        dueSoonMs: (index: number) => podStartMs[index]!,
        fields: (index: number) => fields[index]!,
      };
      return { ok: true, samples: await this.#read((redis) => trySampleBacklogs(redis, refs, options)) };
    } catch (error) {
      const { reason, message } = classifyRedisError(error);
      return { ok: false, message, waits: reason === 'WaitingForTurn' };
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
    const signal = AbortSignal.timeout(HOLDERS_TIMEOUT_MS);
    const use = { namespace: this.namespace, signal };
    const read = (): Promise<ActiveHolders | undefined> =>
      this.#connections.use(this.target, use, (redis) => sampleHolders(redis, refs));
    return unlessAborted(signal, read).catch(() => undefined);
  }

  /** What the pods of these pools reported of their usage; undefined when it cannot be read. */
  async usage(places: readonly UsagePlace[]): Promise<PodUsageReport[][] | undefined> {
    try {
      return await this.#read((redis) => sampleUsage(redis, places));
    } catch {
      return undefined;
    }
  }

  /** Who speaks to the Redis, and who has not for how long, or why that is not known. */
  async clients(): Promise<SpeakingClients> {
    try {
      const idle = await this.#read(readClientIdleTimes);
      if (idle === undefined || idle.size > MOST_CLIENTS)
        return { unknown: 'Redis has more than 2,000 connections, or they come from more than 1,000 addresses' };
      return { idleSeconds: Object.fromEntries(idle) };
    } catch (error) {
      const { reason, message } = classifyRedisError(error);
      const right = "; give the sampler's user +client|list";
      return { unknown: `${message}${reason === 'RedisNoPermission' ? right : ''}`.slice(0, LONGEST_UNKNOWN) };
    }
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
    this.#wakeups ??= this.#openWakeUps();
    return (await this.#wakeups?.watch(queue.ref, onWakeUp)) !== undefined;
  }

  /** @returns undefined when there are as many already as the share allows. */
  #openWakeUps(): Wakeups | undefined {
    const { target } = this;
    const options = {
      clientName: 'redis-queue-autoscaler',
      onError: (error: unknown) => this.#onWakeUpsFailed(classifyRedisError(error).message),
      onLost: this.#onWakeUpsLost,
    };
    const key = connectionKey(target);
    if (!target.cluster)
      return this.#mayStand(key, describeTarget(target)) ? new QueueWakeups(target, options) : undefined;
    return new ClusterWakeups(target, {
      ...options,
      readSlots: () => this.#read((redis) => redis.cluster('SLOTS')),
      // Each node is a server of its own, with two connections of its own.
      mayOpen: (node) => this.#mayStand(`${key}/${node}`, node),
      onClosed: (node) => this.#standing?.closed(`${key}/${node}`),
    });
  }

  /** Whether two connections may stay open to the server. */
  #mayStand(key: string, server: string): boolean {
    // Never ended, and so never closed for another: it is open for good.
    const { namespace } = this;
    if (!this.#standing || this.#standing.begin(key, { namespace, server }, 0).lease) return true;
    this.#onWakeUpsFailed(
      `namespace ${namespace}, ${server} or all together have as many connections open for notifications as their share allows`,
    );
    return false;
  }

  unwatch(queue: WatchedQueue): void {
    this.#wakeups?.unwatch(queue.ref);
  }

  forget(queue: WatchedQueue): void {
    this.unwatch(queue);
    this.#watermarks.delete(queue.id);
  }

  #read<T>(read: Parameters<typeof readInTime<T>>[3]): Promise<T> {
    const { namespace } = this;
    return readInTime(this.#connections, this.target, { namespace, timeoutMs: READ_TIMEOUT_MS }, read);
  }

  close(): void {
    if (this.#wakeups && !this.target.cluster) this.#standing?.closed(connectionKey(this.target));
    this.#wakeups?.close();
    this.#connections.release(this.target);
  }
}
