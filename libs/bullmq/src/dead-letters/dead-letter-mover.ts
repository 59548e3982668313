import type { QueueRef } from '../redis/keys.ts';
import { runScript } from '../redis/scripts.ts';
import { decide, type Decision, type LeftReason, type RetryPolicy } from './decide.ts';
import { FAILED_PER_PAGE, readFailedPage, type FailedPage } from './failed-jobs.ts';
import { fenceArguments, parseOutcome, type DeadLetterFence } from './dead-letter-fence.ts';
import type { RedisCall, Refusal } from '../rounds/step.ts';
import { letterId, metaKeys } from './dead-letter-queue.ts';

export interface MoverOptions extends RetryPolicy {
  readonly fence: DeadLetterFence;
  /** Pages of 100 jobs that a round reads at most. Default 20. */
  readonly pages?: number;
  /** 0..1: where a round begins in a set that is longer than it may read. */
  readonly random: () => number;
}

/** What a round did. */
export interface MoverRound {
  /** Failed jobs of the queue when the round began. */
  readonly failed: number;
  /** How many of them it looked at. */
  readonly examined: number;
  /** Jobs that run again. */
  readonly retried: number;
  /** Jobs that became dead letters. */
  readonly moved: number;
  /** Jobs whose time has not come: their backoff, or the time that a failed job stays one. */
  readonly waiting: number;
  /** Redis' time, Unix ms, at which the first of them is due. */
  readonly nextDueMs?: number;
  /** Jobs that are left where they are. */
  readonly left: Readonly<Record<LeftReason, number>>;
  /** Some ids of those, for people. */
  readonly leftIds: readonly string[];
  /** Why the round ended early. */
  readonly refusal?: Refusal;
}

/** Bytes of stack traces that a dead letter keeps, and of longer ones that a script call reads. */
const LONGEST_STACK = 65_536;
const LONG_STACKS_PER_CALL = 262_144;
const PAGES_PER_ROUND = 20;
const MOST_LEFT_IDS = 5;

/**
 * One round over the failed jobs of a queue: those that may run again do, those that are dead are moved to the dead-letter
 * queue. Nothing is remembered between rounds, or by whom: each job is decided on anew, and what is done to it is done in
 * one step that looks at it again, so that a crash anywhere or a second mover changes nothing in the end.
 *
 * A round reads the newest page, and then as many others as it may, from the oldest on; where the set is longer, from a
 * place that is drawn by lot, since jobs that are left alone may fill any part of it. The order in which jobs are moved
 * is no matter: dead letters are ordered by finishedOn.
 *
 * @throws what ioredis throws; see `classifyRedisError`. What was done before stays done.
 */
export async function settleFailedJobs(call: RedisCall, queue: QueueRef, options: MoverOptions): Promise<MoverRound> {
  const pages = options.pages ?? PAGES_PER_ROUND;
  const newest = await settlePage(call, queue, { first: 'newest', most: FAILED_PER_PAGE }, options);
  let round = newest;
  const rest = Math.max(0, newest.failed - newest.examined);
  let left = Math.min(rest, Math.max(0, pages - 1) * FAILED_PER_PAGE);
  let first = rest > left ? Math.floor(options.random() * rest) : 0;
  while (left > 0 && round.refusal === undefined) {
    const most = Math.min(left, FAILED_PER_PAGE);
    const page = await settlePage(call, queue, { first, most }, options);
    if (page.examined === 0 && first === 0) break;
    left -= page.examined;
    // What has left the set moves those behind to the front.
    first = page.examined === 0 ? 0 : first + page.examined - page.retried - page.moved;
    round = sum(round, page);
  }
  return { ...round, failed: newest.failed };
}

type Row = FailedPage['jobs'][number] & { readonly decision: Decision };

async function settlePage(
  call: RedisCall,
  queue: QueueRef,
  { first, most }: { first: number | 'newest'; most: number },
  options: MoverOptions,
): Promise<MoverRound> {
  const { redisTimeMs, failed, jobs } = await call((redis) => readFailedPage(redis, queue, first, most));
  const rows = jobs.map(({ id, job }): Row => {
    if (job === 'unreadable') return { id, job, decision: { action: 'leave', reason: 'unreadable' } };
    return { id, job, decision: decide(job, options, redisTimeMs) };
  });
  const acts = (['move', 'retry'] as const).flatMap((wanted) =>
    rows.flatMap(({ job, decision: { action } }) =>
      job !== 'unreadable' && action === wanted
        ? [action, job.id, letterId(queue, job.id, job.finishedOn), job.finishedOn, job.atm]
        : [],
    ),
  );
  const outcome =
    acts.length === 0
      ? ([[0, 0, 0]] as const)
      : parseOutcome(
          await call((redis) =>
            runScript(redis, 'settleFailed', metaKeys(queue), [
              ...fenceArguments(options.fence),
              LONGEST_STACK,
              LONG_STACKS_PER_CALL,
              ...acts,
            ]),
          ),
          3,
        );
  const [retried = 0, moved = 0] = typeof outcome === 'string' ? [] : outcome[0];
  return { ...summary(rows), failed, retried, moved, ...(typeof outcome === 'string' && { refusal: outcome }) };
}

/** What is left as it is. */
function summary(rows: readonly Row[]): Pick<MoverRound, 'examined' | 'waiting' | 'nextDueMs' | 'left' | 'leftIds'> {
  const dues = rows.flatMap(({ decision }) => (decision.action === 'wait' ? [decision.untilMs] : []));
  const left = rows.filter(({ decision }) => decision.action === 'leave');
  const countOf = (reason: LeftReason): number =>
    left.filter(({ decision }) => 'reason' in decision && decision.reason === reason).length;
  return {
    examined: rows.length,
    waiting: dues.length,
    ...(dues.length > 0 && { nextDueMs: Math.min(...dues) }),
    left: {
      flowChild: countOf('flowChild'),
      flowParent: countOf('flowParent'),
      unreadable: countOf('unreadable'),
    },
    leftIds: left.slice(0, MOST_LEFT_IDS).map(({ id }) => id),
  };
}

function sum(a: MoverRound, b: MoverRound): MoverRound {
  const nextDueMs = Math.min(a.nextDueMs ?? Infinity, b.nextDueMs ?? Infinity);
  return {
    failed: a.failed,
    examined: a.examined + b.examined,
    retried: a.retried + b.retried,
    moved: a.moved + b.moved,
    waiting: a.waiting + b.waiting,
    ...(nextDueMs < Infinity && { nextDueMs }),
    left: {
      flowChild: a.left.flowChild + b.left.flowChild,
      flowParent: a.left.flowParent + b.left.flowParent,
      unreadable: a.left.unreadable + b.left.unreadable,
    },
    leftIds: [...a.leftIds, ...b.leftIds].slice(0, MOST_LEFT_IDS),
    ...(b.refusal && { refusal: b.refusal }),
  };
}
