import { Redis } from 'ioredis';
import { requireDatabase } from '../connections/database.ts';
import { INVALIDATIONS, trackingOptions } from '../connections/invalidations.ts';
import { inBatches, queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import { parseReply, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';
import { splitWhenRefused } from '../connections/split.ts';
import { reconnectWhenSilent, retryAfterMs } from '../connections/silence.ts';
import type { RedisTarget } from '../connections/target.ts';

export interface QueueWakeupsOptions {
  /** Shown by CLIENT LIST. */
  readonly clientName?: string;
  /** Called when connecting or arming fails. It is retried at the next reconnect or `watch`; until then poll. */
  readonly onError?: (error: unknown) => void;
  /** Called when changes were reported and are no longer, as a connection was lost; it is opened again. */
  readonly onLost?: () => void;
}

/** What was found when a queue was armed: a queue that is not idle needs a sample at once. */
export interface ArmedQueue {
  readonly waiting: number;
  readonly prioritized: number;
  readonly delayed: number;
  readonly paused: boolean;
}

/** Called when a queue may have changed; a hint to sample it, never a fact. Called at most once per change seen. */
export type OnWake = (queue: QueueRef) => void;

/** What wakes callers when queues change. */
export interface Wakeups {
  /** Whether changes are reported right now; while false only polling sees them. */
  readonly live: boolean;
  /** Queues that are watched. */
  readonly size: number;
  /**
   * Calls `onWake` when jobs come into or leave the queue, or its `meta` changes. Watching again replaces the callback.
   *
   * @returns what was found when it was armed; undefined when it cannot be armed now. Check it: a job that came before
   * does not wake.
   */
  watch(queue: QueueRef, onWake: OnWake): Promise<ArmedQueue | undefined>;
  /** Stops watching; changes of the queue are not reported from now on. */
  unwatch(queue: QueueRef): void;
  close(): void;
}

interface Arm {
  readonly queue: QueueRef;
  readonly resolve: (armed: ArmedQueue | undefined) => void;
}

interface Watch {
  readonly queue: QueueRef;
  readonly onWake: OnWake;
  /** It is being armed because it changed. */
  rearming: boolean;
  /** It has changed once more since. */
  again: boolean;
}

type RawArmed = readonly [waiting: number, prioritized: number, delayed: number, paused: number];

/**
 * Pause between attempts while both connections are established but tracking is refused, for example because a
 * permission is missing.
 */
const RETRY_MS = 5_000;
const WATCHED_SUFFIXES = ['wait', 'prioritized', 'delayed', 'meta'] as const;

/**
 * Wakes callers within milliseconds of a queue's change, at a cost that does not grow with the number of queues: Redis'
 * CLIENT TRACKING reports, once, when a key that this connection has read changes. So every wake-up reads the queue
 * again, which arms it for the next change.
 *
 * Two connections, apart from those that sample: `reader` reads with tracking on, and Redis sends the invalidations to
 * `listener`. When either reconnects, and when the database was flushed, all queues are armed again and all callers are
 * woken, since changes may have been missed meanwhile. Not covered, so poll slowly as well: a tracking table that
 * overflows reports too early (harmless); a connection that died silently reports nothing for the seconds until that is
 * noticed; a delayed job that falls due changes no key.
 */
export class QueueWakeups implements Wakeups {
  readonly #reader: Redis;
  readonly #listener: Redis;
  readonly #watches = new Map<string, Watch>();
  readonly #onError: (error: unknown) => void;
  readonly #onLost: () => void;
  #tracking = false;
  /** CLIENT ID of the listener; asked for before it subscribes, because a subscriber accepts no other command. */
  #listenerId: number | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;
  #arming: Promise<void> = Promise.resolve();
  #toArm: Arm[] = [];
  /** All are about to be armed because the database was flushed. */
  #flushed = false;

  constructor(target: RedisTarget, options: QueueWakeupsOptions = {}) {
    this.#onError = options.onError ?? (() => {});
    this.#onLost = options.onLost ?? (() => {});
    const name = options.clientName;
    const open = (role: string): Redis =>
      new Redis({
        ...trackingOptions(target),
        ...(name && { connectionName: `${name}:${role}` }),
        autoResubscribe: false,
        autoResendUnfulfilledCommands: false,
        connectTimeout: 3_000,
        retryStrategy: retryAfterMs,
      });
    this.#listener = open('wakeups');
    this.#reader = open('armer');
    this.#listener.on('messageBuffer', (_channel: Buffer, keys: unknown) => this.#invalidated(keys));
    this.#listener.on('close', () => (this.#listenerId = undefined));
    for (const connection of [this.#listener, this.#reader]) {
      connection.on('ready', () => this.#restart());
      connection.on('error', (error) => this.#onError(error));
      connection.on('close', () => this.#lost());
      requireDatabase(connection);
      reconnectWhenSilent(connection);
    }
  }

  get live(): boolean {
    return this.#tracking;
  }

  get size(): number {
    return this.#watches.size;
  }

  async watch(queue: QueueRef, onWake: OnWake): Promise<ArmedQueue | undefined> {
    this.#watches.set(queueId(queue), { queue, onWake, rearming: false, again: false });
    return this.#tracking ? this.#arm(queue) : undefined;
  }

  unwatch(queue: QueueRef): void {
    this.#watches.delete(queueId(queue));
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#watches.clear();
    this.#reader.disconnect();
    this.#listener.disconnect();
  }

  /**
   * Turns tracking on once both connections are established. Calls run one after the other, because each connection
   * makes one when it becomes ready.
   */
  #restart(): void {
    clearTimeout(this.#retry);
    this.#arming = this.#arming.then(() => this.#startTracking());
  }

  #lost(): void {
    const worked = this.#tracking;
    this.#tracking = false;
    if (worked && !this.#closed) this.#onLost();
  }

  async #startTracking(): Promise<void> {
    if (this.#closed || this.#reader.status !== 'ready' || this.#listener.status !== 'ready') return;
    try {
      this.#listenerId ??= await this.#subscribe();
      await this.#reader.client('TRACKING', 'ON', 'REDIRECT', this.#listenerId);
      this.#tracking = true;
      await this.#armAll();
    } catch (error) {
      this.#tracking = false;
      if (this.#closed) return;
      this.#onError(error);
      this.#retry = setTimeout(() => this.#restart(), RETRY_MS).unref();
    }
  }

  async #subscribe(): Promise<number> {
    const id = await this.#listener.client('ID');
    await this.#listener.subscribe(INVALIDATIONS);
    return id;
  }

  async #armAll(): Promise<void> {
    const watches = [...this.#watches.values()];
    await Promise.all(watches.map((watch) => this.#arm(watch.queue)));
    for (const watch of watches) this.#wake(watch);
  }

  /**
   * Queues that are to be armed at the same moment share script calls: after a start or a reconnect that is all of
   * them.
   */
  #arm(queue: QueueRef): Promise<ArmedQueue | undefined> {
    return new Promise((resolve) => {
      if (this.#toArm.push({ queue, resolve }) === 1) queueMicrotask(() => void this.#armGathered());
    });
  }

  async #armGathered(): Promise<void> {
    const arms = this.#toArm;
    this.#toArm = [];
    const queues = arms.map(({ queue }) => queue);
    const failed = (batch: readonly number[], error: unknown): void => {
      this.#onError(error);
      for (const index of batch) arms[index]!.resolve(undefined);
    };
    await inBatches(queues, async (batch) => {
      const read = (part: readonly number[]): Promise<void> => this.#read(part.map((index) => arms[index]!));
      await splitWhenRefused(batch, read, (index, error) => failed([index], error)).catch((error: unknown) =>
        failed(batch, error),
      );
    });
  }

  /** Reads the queues, and resolves with what was found: undefined for one that cannot be read. */
  async #read(arms: readonly Arm[]): Promise<void> {
    const keys = arms.flatMap(({ queue }) => WATCHED_SUFFIXES.map((suffix) => queueKey(queue, suffix)));
    const found = await runReadScript(this.#reader, 'armQueues', keys, []);
    if (!Array.isArray(found)) throw new UnexpectedReplyError('it has no rows');
    arms.forEach(({ resolve }, at) => {
      const armed = parseReply(() => parseArmed((found as (RawArmed | string)[])[at]));
      resolve(armed instanceof Error ? undefined : armed);
    });
  }

  /** @param keys the keys that changed; null: the database was flushed, every key may have. */
  #invalidated(keys: unknown): void {
    if (!Array.isArray(keys)) {
      if (this.#flushed) return;
      this.#flushed = true;
      this.#arming = this.#arming.then(() => {
        this.#flushed = false;
        return this.#armAll();
      });
      return;
    }
    for (const id of new Set(keys.map((key) => idOfKey(String(key))))) {
      const watch = this.#watches.get(id);
      if (!watch) continue;
      // Armed before the caller samples, so that a change after its sample wakes it again.
      void this.#rearm(watch);
      this.#wake(watch);
    }
  }

  /** One read of a queue at a time, however often a server says that it changed. */
  async #rearm(watch: Watch): Promise<void> {
    watch.again = watch.rearming;
    if (watch.rearming) return;
    watch.rearming = true;
    await this.#arm(watch.queue);
    watch.rearming = false;
    if (watch.again && this.#watches.get(queueId(watch.queue)) === watch) await this.#rearm(watch);
  }

  #wake({ queue, onWake }: Watch): void {
    try {
      onWake(queue);
    } catch (error) {
      this.#onError(error);
    }
  }
}

/** @param row of the script; a text when the queue cannot be read. */
function parseArmed(row: RawArmed | string | undefined): ArmedQueue {
  if (!Array.isArray(row)) throw new UnexpectedReplyError('the queue cannot be read');
  const [waiting, prioritized, delayed, paused] = row as RawArmed;
  return { waiting, prioritized, delayed, paused: paused === 1 };
}

/** `queueId` of the queue that the key is one of. */
function idOfKey(key: string): string {
  return key.slice(0, key.lastIndexOf(':'));
}
