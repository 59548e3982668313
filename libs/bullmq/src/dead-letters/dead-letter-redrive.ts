import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { readQueuePolicy } from '../policy/policy.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript, runScript } from '../redis/scripts.ts';
import { fenceArguments, parseOutcome, type DeadLetterFence } from './dead-letter-fence.ts';
import type { RedisCall, Refusal } from '../rounds/step.ts';
import type { CompiledFilter } from './filter.ts';
import { readLetters, type DeadLetter, type LetterCursor } from './dead-letter-page.ts';
import { deadLetterQueue, metaKeys } from './dead-letter-queue.ts';

export interface RedriveOptions {
  /** Of the redrive, ≤ 512 bytes: a job that it put back and that dies again is not put back by it once more. */
  readonly name: string;
  readonly filter: CompiledFilter;
  /** Jobs per second at most, of Redis' clock. Absent: as many as a step takes. */
  readonly perSecond?: number;
  /** Jobs in all at most, whoever runs its steps. Absent: no bound. */
  readonly most?: number;
  readonly fence: DeadLetterFence;
}

/** What a step did with the letters that it read. */
export interface RedriveStep {
  /** Jobs that this redrive put back in all, whoever ran its steps. */
  readonly redriven: number;
  /** Of these, by this step. */
  readonly putBack: number;
  /** Letters that match and stay: a job of that id is in the queue, or was put back before and died again. */
  readonly skipped: Readonly<Record<'exists' | 'again', number>>;
  /** To go on from; it may as well be forgotten. */
  readonly cursor?: LetterCursor;
  /** No letter is left to look at, or as many as it may are back. */
  readonly done: boolean;
  /** The rate is used up for so long. */
  readonly waitMs: number;
}

/** How long the number of jobs that a redrive put back is kept after its last step. */
const PROGRESS_RETENTION_MS = 7 * 24 * 3_600_000;

/** How many jobs the redrive has put back; 0 also when that was more than a week ago. */
export async function readRedriven(redis: Redis, queue: QueueRef, name: string): Promise<number> {
  const count = Number(await redis.hget(progressKey(queue, name), 'redriven'));
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

/** What is there before a step of a redrive. */
export interface RedriveState {
  /** The owner marks of the queue and of its dead-letter queue as stored; absent: there is none. */
  readonly queueMark?: string;
  readonly deadLetterMark?: string;
  /** The restore that fills one of the two: until it has compared them, nothing is put back. Absent: there is none. */
  readonly restoringId?: string;
  /** Jobs that the redrive has put back. */
  readonly redriven: number;
  /** Unix ms, by the clock of the node that has the queue. */
  readonly redisTimeMs: number;
}

/**
 * Reads what decides whether a redrive may go on: one round trip, nothing is written.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function readRedriveState(redis: Redis, queue: QueueRef, name: string): Promise<RedriveState> {
  const [policy, deadLetters, redriven, microseconds] = await Promise.all([
    readQueuePolicy(redis, queue),
    readQueuePolicy(redis, deadLetterQueue(queue)),
    readRedriven(redis, queue, name),
    runReadScript(redis, 'redisTime', [queueKey(queue, 'meta')], []),
  ]);
  const restoring = [policy.restore, deadLetters.restore].find((restore) => restore && restore.phase !== 'held');
  return {
    ...(restoring && { restoringId: restoring.restoreId }),
    ...(policy.rawOwnerMark !== undefined && { queueMark: policy.rawOwnerMark }),
    ...(deadLetters.rawOwnerMark !== undefined && { deadLetterMark: deadLetters.rawOwnerMark }),
    redriven,
    redisTimeMs: timeOf(Number(microseconds) / 1_000),
  };
}

function progressKey(queue: QueueRef, name: string): string {
  return queueKey(deadLetterQueue(queue), `redrive:${name}`);
}

/**
 * Reads up to 100 dead letters, and puts those that match back into their queue: as new jobs, with no attempt made, so
 * that `attempts` and `maxRetries` hold again, in line by their priority. Each in one step, and counted in the same.
 *
 * What a redrive has to remember is in Redis: letters that it put back are gone, and those that died again say so. So it
 * may be run from the beginning at any time, and by two at once.
 *
 * @param cursor that of the step before; absent: from the beginning.
 * @returns a refusal when nothing was put back, because of the fence.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function redriveStep(
  call: RedisCall,
  queue: QueueRef,
  { name, filter, perSecond = 0, most = 0, fence }: RedriveOptions,
  cursor?: LetterCursor,
): Promise<RedriveStep | Refusal> {
  const page = await call((redis) => readLetters(redis, queue, filter, cursor));
  const matching = page.letters.filter((letter) => isOurs(letter) && filter.matches(letter));
  const args = [
    ...fenceArguments(fence),
    name,
    perSecond,
    PROGRESS_RETENTION_MS,
    most,
    ...matching.flatMap(({ id, finishedOn }) => [id, finishedOn]),
  ];
  const keys = [...metaKeys(queue), progressKey(queue, name)];
  const outcome = parseOutcome(await call((redis) => runScript(redis, 'redriveLetters', keys, args)), 2);
  if (typeof outcome === 'string') return outcome;
  const [[redriven, waitMs], outcomes] = outcome as [[number, number], unknown];
  if (!Array.isArray(outcomes) || outcomes.length !== matching.length)
    throw new UnexpectedReplyError('not every dead letter has an outcome');
  const outcomeOf = new Map(matching.map(({ id }, at) => [id, outcomes[at] as unknown]));
  const skipped = { exists: 0, again: 0 };
  let next = cursor;
  for (const letter of page.letters) {
    const became = outcomeOf.get(letter.id);
    if (became === 'limited' || became === 'enough') break;
    if (became === 'redriven') continue;
    if (became === 'exists' || became === 'again') skipped[became]++;
    next = { id: letter.id, finishedOn: letter.finishedOn };
  }
  const done = outcomes.includes('enough') || (!page.more && !outcomes.includes('limited'));
  const putBack = outcomes.filter((became) => became === 'redriven').length;
  return { redriven, putBack, skipped, done, waitMs, ...(next && { cursor: next }) };
}

function isOurs({ origin }: DeadLetter): boolean {
  return origin !== undefined;
}

/** What a redrive would do. */
export interface RedrivePlan {
  /** Letters read. */
  readonly read: number;
  readonly matching: number;
  /** The first of them, for people. */
  readonly samples: readonly Pick<DeadLetter, 'id' | 'origin' | 'name' | 'failedReason' | 'finishedOn'>[];
  readonly cursor?: LetterCursor;
  readonly done: boolean;
}

const MOST_SAMPLES = 10;
const LONGEST_SAMPLE_REASON = 200;

/**
 * A dry run: reads up to `pages` times 100 dead letters and counts those that match. Writes nothing.
 *
 * @param options.name the redrive, when it has begun: what it put back and died again does not count. Then the number is
 * what remains to be done.
 * @param options.before what was counted so far; absent: from the beginning.
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function planRedrive(
  call: RedisCall,
  queue: QueueRef,
  filter: CompiledFilter,
  { name, pages = 20, before }: { name?: string; pages?: number; before?: RedrivePlan } = {},
): Promise<RedrivePlan> {
  let { read, matching, samples, cursor, done } = before ?? { read: 0, matching: 0, samples: [], done: false };
  for (let made = 0; made < pages && !done; made++) {
    const from = cursor;
    const page = await call((redis) => readLetters(redis, queue, filter, from));
    const found = page.letters.filter(
      (letter) => isOurs(letter) && (name === undefined || letter.redrive !== name) && filter.matches(letter),
    );
    const some = found
      .slice(0, MOST_SAMPLES - samples.length)
      .map(({ id, origin, name: jobName, failedReason, finishedOn }) => ({
        id,
        name: jobName,
        finishedOn,
        failedReason: failedReason.slice(0, LONGEST_SAMPLE_REASON),
        ...(origin !== undefined && { origin }),
      }));
    const last = page.letters.at(-1);
    [read, matching, samples] = [read + page.letters.length, matching + found.length, [...samples, ...some]];
    if (last) cursor = { id: last.id, finishedOn: last.finishedOn };
    done = !page.more;
  }
  return { read, matching, samples, done, ...(cursor && { cursor }) };
}
