import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { restMs } from '../redis/pace.ts';
import { withLargeReplies } from '../redis/reply-guard.ts';
import { isAnswer } from '../redis/reply.ts';
import { runReadScriptForBytes, runTimedReadScript, type ScriptName } from '../redis/scripts.ts';
import { bytesOf } from './job-record.ts';
import { othersShare, parseServerLoad, shareWhileOthersUse, type ServerLoad } from './share.ts';
import { UnreadableKeyError, WRONG_TYPE } from '../redis/unreadable-key-error.ts';

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Ms of a clock that only goes forward. */
  readonly now: () => Milliseconds;
  /** Waits; may end earlier when `signal` aborts. */
  readonly sleep: (ms: Milliseconds, signal: AbortSignal) => Promise<void>;
}

/** How often Redis is asked how busy it is. */
const LOOK_EVERY_MS: Milliseconds = 250;
/** The first look tells nothing alone. */
const FIRST_LOOK_MS: Milliseconds = 50;
/** Of Redis, for a script whose time is not known, as the first after each start of Redis. */
const USUAL_SCRIPT_MS: Milliseconds = 1;
/** So often a read is begun when Redis cannot be reached. */
const TRIES = 5;
const RETRY_AFTER_MS: Milliseconds = 500;

/**
 * Reads of one queue by scripts that only read. While others keep Redis busy they take only a share of its time: after
 * each script there is a rest. None of them is waited for any longer once the signal aborts.
 */
export class QueueReads {
  readonly redis: Redis;
  readonly queue: QueueRef;
  readonly #options: ReadOptions;
  #look: { readonly atMs: Milliseconds; readonly load: ServerLoad } | undefined;
  #looks = 0;
  #share = 1;

  constructor(redis: Redis, queue: QueueRef, options: ReadOptions) {
    this.redis = redis;
    this.queue = queue;
    this.#options = options;
  }

  get signal(): AbortSignal {
    return this.#options.signal;
  }

  /** How many reads may be under way together: one, while each is followed by a rest. */
  get together(): number {
    return this.#share < 1 ? 1 : 2;
  }

  key(suffix: string): string {
    return queueKey(this.queue, suffix);
  }

  /** Texts of the reply are bytes. */
  async run(script: ScriptName, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    await this.#lookAtLoad();
    const keys = [this.key('meta')];
    if (this.#share >= 1) return await this.#retried(() => runReadScriptForBytes(this.redis, script, keys, args));
    const { reply, scriptMs } = await this.#retried(() => runTimedReadScript(this.redis, script, keys, args));
    await this.rest(restMs(scriptMs ?? USUAL_SCRIPT_MS, this.#share));
    return reply;
  }

  /** A hash whose reply is larger than others may be, by the plain command: a script takes Redis three times as long. */
  async largeHash(suffix: string, bytes: number): Promise<unknown> {
    try {
      return await this.#retried(() =>
        withLargeReplies(this.redis, bytes, async () => {
          // In capitals ioredis does not make an object of it, in which names that are no UTF-8 would be others.
          return await this.redis.callBuffer('HGETALL', this.key(suffix));
        }),
      );
    } catch (error) {
      throw this.named(suffix, error);
    }
  }

  /** The same, for a script about one key: whose type is another one than it has to be, is named. */
  async runOn(suffix: string, script: ScriptName, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    try {
      return await this.run(script, [suffix, ...args]);
    } catch (error) {
      throw this.named(suffix, error);
    }
  }

  /** What an error of Redis about a key is thrown as. */
  named(suffix: string, error: unknown): unknown {
    const isType = error instanceof Error && error.message.includes('WRONGTYPE');
    return isType ? new UnreadableKeyError(this.key(suffix), WRONG_TYPE, { cause: error }) : error;
  }

  async rest(ms: Milliseconds): Promise<void> {
    if (ms > 0) await this.within(this.#options.sleep(ms, this.signal));
    this.signal.throwIfAborted();
  }

  /** What `reading` gives, unless the signal aborts before. */
  async within<T>(reading: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(this.signal.reason as Error);
    // oxlint-disable-next-line prefer-await-to-then -- nobody may wait for it any longer
    reading.catch(() => {});
    if (this.signal.aborted) abort();
    this.signal.addEventListener('abort', abort);
    try {
      return await Promise.race([reading, promise]);
    } finally {
      this.signal.removeEventListener('abort', abort);
    }
  }

  /** Reads again what could not be read because Redis was gone for a moment. */
  async #retried<T>(read: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        return await this.within(read());
      } catch (error) {
        if (!mayPass(error) || this.signal.aborted || tries === TRIES) throw error;
        // oxlint-disable-next-line no-await-in-loop
        await this.rest(RETRY_AFTER_MS * tries);
      }
    }
  }

  async #lookAtLoad(): Promise<void> {
    const atMs = this.#options.now();
    const last = this.#look;
    if (last && atMs - last.atMs < (this.#looks > 1 ? LOOK_EVERY_MS : FIRST_LOOK_MS)) return;
    this.#looks++;
    // What runs beside this one waits for the next look.
    this.#look = { atMs, load: last?.load ?? {} };
    const reply = await this.#retried(() => runReadScriptForBytes(this.redis, 'readLoad', [this.key('meta')], []));
    const load = parseServerLoad(bytesOf(reply).toString());
    if (last) this.#share = shareWhileOthersUse(othersShare(last.load, load, atMs - last.atMs));
    this.#look = { atMs, load };
  }
}

/** Nothing has answered, or Redis that it will be there soon. */
function mayPass(error: unknown): boolean {
  return !isAnswer(error) || /^(?:LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY) /.test(error.message);
}
