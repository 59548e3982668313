import {
  countLostLetters,
  removeExpiredLetters,
  settleFailedJobs,
  STEP_VALID_MS,
  type DeadLetterFence,
  type LostLetters,
  type MarkedQueue,
} from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { leftNotice, lostNotice } from './dead-letter-notices.ts';
import type { DutyTurn, UpkeepCounts, UpkeepNotices } from './duty.ts';

/** Failed jobs of which none is due are looked at again after this at the latest. */
const LEFT_ALONE_MS = 60_000;
const EXPIRE_EVERY_MS = 10 * 60_000;
/** Per step: the others have their turn after 500 jobs of one queue. */
const PAGES_PER_STEP = 5;
const EXPIRY_CALLS_PER_STEP = 5;
const MS_PER_DAY = 86_400_000;

/** What was found of a queue the last time. It may be lost: then the queue is looked at as a whole. */
export interface Known {
  /** Of the spec that it was found for. */
  readonly generation: number | undefined;
  failed: number;
  activity: string;
  /** When failed jobs are to be looked at again although their number is the same; by the clock of turns. */
  settleAtMs: number;
  expireAtMs: number;
  /** Old jobs of others at the head of the dead-letter queue, behind which expiry goes on; 0: it begins anew. */
  foreignPassed: number;
  lost?: LostLetters;
}

/** `settle`: failed jobs run again or are moved; `expire`: old letters go. */
export type Task = 'settle' | 'expire';

/** What is done for one queue in one turn. */
export interface Work {
  readonly tenant: string;
  readonly queue: QueueObject;
  readonly own: MarkedQueue;
  readonly letters: MarkedQueue;
  /** When both were read, by the clock of turns. */
  readonly readAtMs: number;
  readonly known: Known;
  /** There was nothing to do, and no failed job waits. */
  readonly isIdle: boolean;
  /** What is left to do, in this order. */
  tasks: readonly Task[];
  /** Lost jobs are still to be counted. */
  counts: boolean;
  done: Required<Pick<UpkeepCounts, 'moved' | 'retried' | 'expired'>>;
  notices: UpkeepNotices;
  /** With what Redis has refused a step. */
  error?: Error;
}

/** What there is to do with the jobs of a queue of which this was read. */
export function tasksOf(
  { spec }: QueueObject,
  { own, letters, readAtMs, known }: Pick<Work, 'own' | 'letters' | 'readAtMs' | 'known'>,
): Task[] {
  const settles = own.failed > 0 && (own.failed !== known.failed || readAtMs >= known.settleAtMs);
  const expires = spec.dlqPolicy?.retentionDays !== undefined && letters.failed > 0 && readAtMs >= known.expireAtMs;
  return [...(settles ? (['settle'] as const) : []), ...(expires ? (['expire'] as const) : [])];
}

/**
 * One step of the first task. All tasks go when the queue is another's by now, or the step waited too long in front of
 * Redis: the next turn looks anew.
 *
 * @throws what ioredis throws; see `classifyRedisError`.
 */
export async function doStep(work: Work, turn: DutyTurn, restMs: number): Promise<'more' | 'done'> {
  const outcome = work.tasks[0] === 'settle' ? await settle(work, turn, restMs) : await expire(work, turn);
  if (outcome === 'refused') work.tasks = [];
  if (outcome === 'done') work.tasks = work.tasks.slice(1);
  return work.tasks.length > 0 ? 'more' : 'done';
}

/** Counts jobs that were lost since the last time. @throws what ioredis throws; see `classifyRedisError`. */
export async function countLost(work: Work, turn: DutyTurn): Promise<'done'> {
  const { queue, known, own } = work;
  const lost = await countLostLetters(turn.call, queueRef(queue), fenceOf(work, turn));
  work.counts = false;
  if (typeof lost === 'string') return 'done';
  known.lost = lost;
  known.activity = own.activity;
  work.notices = { ...work.notices, DeadLettersLost: lostNotice(lost) };
  return 'done';
}

type Outcome = 'done' | 'more' | 'refused';

async function settle(work: Work, turn: DutyTurn, restMs: number): Promise<Outcome> {
  const { queue, known, done, own, readAtMs } = work;
  const { maxRetries = 0 } = queue.spec.dlqPolicy ?? {};
  const round = await settleFailedJobs(turn.call, queueRef(queue), {
    maxRetries,
    restMs,
    fence: fenceOf(work, turn),
    pages: PAGES_PER_STEP,
    random: turn.random,
  });
  const acted = round.moved + round.retried;
  work.done = { ...done, moved: done.moved + round.moved, retried: done.retried + round.retried };
  work.notices = { ...work.notices, FailedJobsLeft: leftNotice(round) };
  known.failed = round.failed - acted;
  if (round.refusal) return 'refused';
  if (acted > 0 && known.failed > 0) return 'more';
  const nowMs = turn.now();
  const redisNowMs = own.redisTimeMs + nowMs - readAtMs;
  const dueInMs = round.examined < round.failed ? 0 : (round.nextDueMs ?? Infinity) - redisNowMs;
  known.settleAtMs = nowMs + Math.min(Math.max(dueInMs, 0), LEFT_ALONE_MS);
  return 'done';
}

async function expire(work: Work, turn: DutyTurn): Promise<Outcome> {
  const { queue, known, done } = work;
  const { retentionDays = 0 } = queue.spec.dlqPolicy ?? {};
  const { removed, foreign, more, refusal } = await removeExpiredLetters(turn.call, queueRef(queue), {
    keepMs: retentionDays * MS_PER_DAY,
    fence: fenceOf(work, turn),
    passedOver: known.foreignPassed,
    calls: EXPIRY_CALLS_PER_STEP,
  });
  work.done = { ...done, expired: done.expired + removed };
  if (refusal) return 'refused';
  known.foreignPassed = more ? foreign : 0;
  if (more && removed > 0) return 'more';
  // Where only jobs of others were passed over, the next turn goes on: there may be any number of them.
  known.expireAtMs = turn.now() + (more ? 0 : EXPIRE_EVERY_MS);
  return 'done';
}

function fenceOf({ own, letters, readAtMs }: Work, turn: DutyTurn): DeadLetterFence {
  return {
    queueMark: own.rawOwnerMark ?? '',
    deadLetterMark: letters.rawOwnerMark ?? '',
    untilMs: Math.round(own.redisTimeMs + turn.now() - readAtMs + STEP_VALID_MS),
  };
}
