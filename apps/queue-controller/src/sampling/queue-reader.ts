import { keepsDeadLetters } from '@redis-queue/api';
import {
  deadLetterQueue,
  queueId,
  QUEUES_PER_CALL,
  trySampleFinishedOf,
  trySampleQueues,
  type FinishedSample,
  type FinishedWatermark,
  type QueueSample,
  type RedisConnections,
} from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { percentile } from './counts.ts';

/** Waits that the 95th percentile is taken of: the newest, of at most five minutes. */
const RETAINED_WAITS = 500;
const WAITS_AGE_MS = 5 * 60_000;
/** Queues that are read together: as many as a sampling call has under way at once, so that each takes one round trip. */
const QUEUES_PER_STEP = 4 * QUEUES_PER_CALL;

type Redis = ReturnType<RedisConnections['get']>;

/** What was read of one queue. */
export interface SampledQueue {
  readonly queue: QueueObject;
  readonly sample: QueueSample;
  /** Absent: no job is known to have started within five minutes. */
  readonly waitP95Ms: number | undefined;
  /** Jobs in its dead-letter queue; absent: it has none, or it cannot be read. */
  readonly dead?: number;
}

interface Waits {
  readonly watermark: FinishedWatermark;
  /** Newest last. */
  readonly recent: readonly { readonly atMs: number; readonly waitMs: number }[];
  /** What tells whether jobs can have finished since. */
  readonly finished: string;
}

export interface RoundOptions {
  /** Names the Redis from round to round. */
  readonly targetKey: string;
  readonly queues: readonly QueueObject[];
  /** The round fails when it aborts; what was read until then stays. */
  readonly signal: AbortSignal;
  /** Asked between steps; when false the round ends early, which is no failure of a Redis that answers, if slowly. */
  readonly mayGoOn: () => boolean;
  readonly onSampled: (sampled: readonly SampledQueue[]) => void;
  /** A queue that cannot be read, which costs no other queue anything. */
  readonly onFailed: (queue: QueueObject, error: Error) => void;
}

/**
 * Reads the queues of a Redis in steps of a few round trips, whatever their number. A round that is cut short keeps
 * what it has read, and the next one begins where it ended, so that a slow Redis costs all of its queues some samples
 * and none of them all. Remembers the recent waits of each queue until `forgetAllBut`.
 */
export class QueueReader {
  readonly #waits = new Map<string, Waits>();
  /** The queue with which the next round of a Redis begins, where one was cut short. */
  readonly #nextOf = new Map<string, string>();

  /**
   * @returns whether all queues had their turn.
   * @throws what ioredis throws when Redis cannot be reached; the signal's reason when it aborts.
   */
  async read(redis: Redis, round: RoundOptions): Promise<boolean> {
    const { targetKey, queues, signal, mayGoOn, onSampled, onFailed } = round;
    const first = queues.findIndex((queue) => waitsKey(queue) === this.#nextOf.get(targetKey));
    const ordered = first > 0 ? [...queues.slice(first), ...queues.slice(0, first)] : queues;
    for (let at = 0; at < ordered.length; at += QUEUES_PER_STEP) {
      // A step with which a round fails at once must not be what all rounds fail with.
      const next = at > 0 ? at : QUEUES_PER_STEP % ordered.length;
      this.#nextOf.set(targetKey, waitsKey(ordered[next]!));
      if (at > 0 && !mayGoOn()) return false;
      const step = ordered.slice(at, at + QUEUES_PER_STEP);
      onSampled(await this.#readStep(redis, step, signal, onFailed));
    }
    this.#nextOf.delete(targetKey);
    return true;
  }

  /** Drops what is remembered of other queues and other Redis servers. */
  forgetAllBut(queues: readonly QueueObject[], targetKeys: ReadonlySet<string>): void {
    const current = new Set(queues.map(waitsKey));
    for (const key of this.#waits.keys()) if (!current.has(key)) this.#waits.delete(key);
    for (const key of this.#nextOf.keys()) if (!targetKeys.has(key)) this.#nextOf.delete(key);
  }

  async #readStep(
    redis: Redis,
    queues: readonly QueueObject[],
    signal: AbortSignal,
    onFailed: RoundOptions['onFailed'],
  ): Promise<SampledQueue[]> {
    const [samples, dead] = await Promise.all([
      trySampleQueues(redis, queues.map(queueRef)),
      this.#readDead(redis, queues, onFailed),
    ]);
    signal.throwIfAborted();
    const read = queues.flatMap((queue, index) => {
      const sample = samples[index]!;
      if (!(sample instanceof Error)) return [{ queue, sample }];
      onFailed(queue, sample);
      return [];
    });
    // Only where jobs can have finished since the last round.
    const moved = read.filter(
      ({ queue, sample }) => this.#waits.get(waitsKey(queue))?.finished !== fingerprint(sample),
    );
    const queries = moved.map(({ queue }) => ({
      queue: queueRef(queue),
      watermark: this.#waits.get(waitsKey(queue))?.watermark,
    }));
    const finished = await trySampleFinishedOf(redis, queries);
    signal.throwIfAborted();
    moved.forEach(({ queue, sample }, index) => {
      const found = finished[index]!;
      if (found instanceof Error) onFailed(queue, found);
      else this.#learn(queue, sample, found);
    });
    return read.map(({ queue, sample }) => {
      const letters = dead.get(queue);
      const waitP95Ms = this.#waitP95(queue, sample);
      return { queue, sample, waitP95Ms, ...(letters !== undefined && { dead: letters }) };
    });
  }

  /** How many dead letters there are, of queues that have any to keep. */
  async #readDead(
    redis: Redis,
    queues: readonly QueueObject[],
    onFailed: RoundOptions['onFailed'],
  ): Promise<Map<QueueObject, number>> {
    const keeping = queues.filter(({ spec }) => keepsDeadLetters(spec));
    const letters = await trySampleQueues(
      redis,
      keeping.map((queue) => deadLetterQueue(queueRef(queue))),
    );
    const found = keeping.map((queue, index) => ({ queue, read: letters[index]! }));
    for (const { queue, read } of found) if (read instanceof Error) onFailed(queue, read);
    return new Map(found.flatMap(({ queue, read }) => (read instanceof Error ? [] : [[queue, read.failed] as const])));
  }

  #learn(queue: QueueObject, sample: QueueSample, { watermark, waitsMs, redisTimeMs }: FinishedSample): void {
    const known = this.#waits.get(waitsKey(queue))?.recent ?? [];
    const added = waitsMs.toReversed().map((waitMs) => ({ atMs: redisTimeMs, waitMs }));
    const recent = [...known, ...added].filter(({ atMs }) => atMs >= redisTimeMs - WAITS_AGE_MS).slice(-RETAINED_WAITS);
    this.#waits.set(waitsKey(queue), { watermark, recent, finished: fingerprint(sample) });
  }

  #waitP95(queue: QueueObject, { redisTimeMs }: QueueSample): number | undefined {
    const recent = this.#waits.get(waitsKey(queue))?.recent ?? [];
    const waitsMs = recent.filter(({ atMs }) => atMs >= redisTimeMs - WAITS_AGE_MS).map(({ waitMs }) => waitMs);
    return percentile(waitsMs, 0.95);
  }
}

function fingerprint({ completed, failed, completedTotal, active, addCounter }: QueueSample): string {
  return `${completed} ${failed} ${completedTotal} ${active} ${addCounter}`;
}

function waitsKey(queue: QueueObject): string {
  return `${queue.metadata.uid} ${queueId(queueRef(queue))}`;
}
