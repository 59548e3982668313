import { Redis } from 'ioredis';
import { requireDatabase } from '../connections/database.ts';
import { INVALIDATIONS, trackingOptions } from '../connections/invalidations.ts';
import { reconnectWhenSilent } from '../connections/silence.ts';
import type { RedisTarget } from '../connections/target.ts';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { PARTS } from './job-record.ts';
import { WrittenJobs } from './written-jobs.ts';

/** What a snapshot is told of writes to jobs of its queue. */
export interface QueueWrites {
  /** Resolves once all writes up to now are known. @returns false: they are not, so any job may have been written. */
  settle(): Promise<boolean>;
  /** Whether a job may have been written since the last backup that was finished. */
  has(id: string): boolean;
  /** Has a job read by the next backup, whether it is written or not. */
  note(id: string): void;
}

export interface WriteWatchOptions {
  /** Shown by CLIENT LIST. */
  readonly clientName: string;
  /** After so many keys that were written since a backup began, watching costs more than it spares: it ends. */
  readonly mostKeys?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** At 200 jobs per second and 30 s between backups it is a third of that; 1 us of Redis' time each, and 2 of ours. */
const MOST_KEYS = 400_000;
/** Of what belongs to who runs a job, and is in no backup. */
const LOCK_SUFFIX = ':lock';
const PART_SUFFIXES = PARTS.map(([name]) => `:${name}`);

/**
 * Hears from one Redis which jobs of some queues are written, over a connection of its own, by CLIENT TRACKING in its
 * broadcasting mode (https://redis.io/docs/latest/develop/reference/client-side-caching/): Redis names each key with
 * one of the prefixes that changes, expires or is removed, once per turn of its event loop, and remembers nothing.
 *
 * It lives as long as its connection: what happened while none was there, nobody knows. After that, and after FLUSHALL,
 * any job may have been written. A Redis Cluster cannot be watched.
 */
export class WriteWatch {
  readonly #connection: Redis;
  readonly #watched: ReadonlyMap<string, WrittenJobs>;
  readonly #mostKeys: number;
  #isOn = true;
  #isOverrun = false;
  #keys = 0;

  private constructor(connection: Redis, watched: ReadonlyMap<string, WrittenJobs>, mostKeys: number) {
    this.#connection = connection;
    this.#watched = watched;
    this.#mostKeys = mostKeys;
    connection.on('messageBuffer', (_channel: Buffer, keys: unknown) => this.#note(keys));
    connection.on('close', () => this.#turnOff());
    reconnectWhenSilent(connection);
  }

  /**
   * @param queues none of whose prefixes begins with another one: Redis refuses those.
   * @returns undefined when it cannot be watched: no connection, a right that is missing, a Cluster.
   */
  static async open(
    target: RedisTarget,
    queues: readonly QueueRef[],
    { clientName, mostKeys = MOST_KEYS }: WriteWatchOptions,
  ): Promise<WriteWatch | undefined> {
    if (target.cluster === true) return undefined;
    const connection = new Redis({
      ...trackingOptions(target),
      connectionName: clientName,
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      retryStrategy: () => null,
    });
    requireDatabase(connection);
    // Without a watch all jobs are compared: whoever reads them finds out what is wrong.
    connection.on('error', () => undefined);
    const prefixes = queues.map((queue) => queueKey(queue, ''));
    try {
      await connection.connect();
      // Redis tells a connection of RESP2 on a channel, which it subscribes to last: then it takes no other command.
      const id = await connection.client('ID');
      const broadcast = ['BCAST', ...prefixes.flatMap((prefix) => ['PREFIX', prefix])];
      await connection.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', id, ...broadcast);
      const watched = new Map(prefixes.map((prefix) => [prefix, new WrittenJobs()]));
      const watch = new WriteWatch(connection, watched, mostKeys);
      await connection.subscribe(INVALIDATIONS);
      return watch;
    } catch {
      connection.disconnect();
      return undefined;
    }
  }

  /** Whether it is still told of writes. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Whether it ended because more was written than it is worth. */
  get isOverrun(): boolean {
    return this.#isOverrun;
  }

  /** A backup of these queues begins. */
  begin(): void {
    this.#keys = 0;
    for (const jobs of this.#watched.values()) jobs.begin();
  }

  /** The backup is written to its end. */
  finish(): void {
    for (const jobs of this.#watched.values()) jobs.finish();
  }

  /** Of one of its queues; undefined: it is none. */
  writesOf(queue: QueueRef): QueueWrites | undefined {
    const jobs = this.#watched.get(queueKey(queue, ''));
    return jobs && { settle: () => this.#settle(), has: (id) => jobs.has(id), note: (id) => jobs.note(id) };
  }

  close(): void {
    this.#turnOff();
    this.#connection.disconnect();
  }

  #turnOff(): void {
    this.#isOn = false;
    for (const jobs of this.#watched.values()) jobs.noteAll();
  }

  /** Redis says what it has to say at the end of a turn of its loop: what was before the first PING, before the second. */
  async #settle(): Promise<boolean> {
    try {
      await this.#connection.ping();
      await this.#connection.ping();
    } catch {
      this.close();
    }
    return this.#isOn;
  }

  #note(keys: unknown): void {
    // FLUSHALL names none.
    if (!Array.isArray(keys)) return this.#turnOff();
    this.#keys += keys.length;
    if (this.#keys > this.#mostKeys) {
      this.#isOverrun = true;
      return this.close();
    }
    for (const key of keys as (Buffer | string)[]) this.#noteKey(key.toString());
  }

  #noteKey(key: string): void {
    for (const [prefix, jobs] of this.#watched) {
      if (!key.startsWith(prefix)) continue;
      const name = key.slice(prefix.length);
      if (name.endsWith(LOCK_SUFFIX)) continue;
      // A job may be called like a part of another one: then both are noted.
      jobs.note(name);
      const suffix = PART_SUFFIXES.find((each) => name.endsWith(each));
      if (suffix !== undefined) jobs.note(name.slice(0, -suffix.length));
    }
  }
}
