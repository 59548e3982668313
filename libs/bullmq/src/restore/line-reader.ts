import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';

/** Ids read at a time. */
const PAGE = 1_000;
const MOST_PASSED = 10_000;
const MOST_SEARCHED = 100_000;

/**
 * Walks along the jobs that wait in a queue, from the serving end on, with a page of them in memory. Producers may add
 * jobs at the other end meanwhile.
 */
export class LineReader {
  readonly #redis: Redis;
  readonly #queue: QueueRef;
  /** Ids from the serving end on that were read and not passed. */
  #ahead: string[] = [];
  /** Ids of the list that were read, and of which list: `paused` is served before `wait`. */
  #read = 0;
  #list: 'paused' | 'wait' = 'paused';
  #skip: number;
  /** Ids that were passed on the way to others, where these may come later. */
  readonly #passed: Set<string> | undefined;

  /**
   * @param options.skip how many jobs at the serving end are none of those to come.
   * @param options.isStrict false: jobs may have changed their places while the backup was read.
   */
  constructor(
    redis: Redis,
    queue: QueueRef,
    { skip, isStrict }: { readonly skip: number; readonly isStrict: boolean },
  ) {
    this.#redis = redis;
    this.#queue = queue;
    this.#skip = skip;
    this.#passed = isStrict ? undefined : new Set();
  }

  /**
   * Passes `id` if it is the next one, or stands among the next few hundred. Where jobs may have changed their places, it
   * may have been passed before.
   *
   * @returns ids that were passed on the way to it; undefined when it is not there.
   */
  async pass(id: string): Promise<readonly string[] | undefined> {
    if (this.#passed?.delete(id)) return [];
    await this.#fill();
    const at = this.#ahead.indexOf(id);
    if (at === -1) return this.#passed && (await this.#isNear(id)) ? [] : undefined;
    const before = this.#ahead.splice(0, at + 1).slice(0, -1);
    for (const other of before) if (this.#passed && this.#passed.size < MOST_PASSED) this.#passed.add(other);
    return before;
  }

  /** Whether a job that changed its place is anywhere among the first; about 2 ms of Redis' time. */
  async #isNear(id: string): Promise<boolean> {
    const lists = (['paused', 'wait'] as const).map((list) => queueKey(this.#queue, list));
    const places = await Promise.all(
      lists.map((key) => this.#redis.call('LPOS', key, id, 'RANK', -1, 'MAXLEN', MOST_SEARCHED)),
    );
    return places.some((place) => place !== null);
  }

  async #fill(): Promise<void> {
    while (this.#ahead.length < PAGE / 2) {
      const key = queueKey(this.#queue, this.#list);
      // oxlint-disable-next-line no-await-in-loop -- page after page
      const page = await this.#redis.lrange(key, -this.#read - PAGE, -this.#read - 1);
      this.#read += page.length;
      if (page.length === 0) {
        if (this.#list === 'wait') return;
        [this.#list, this.#read] = ['wait', 0];
        continue;
      }
      const ids = page.toReversed();
      const skipped = Math.min(this.#skip, ids.length);
      this.#skip -= skipped;
      this.#ahead.push(...ids.slice(skipped));
    }
  }
}
