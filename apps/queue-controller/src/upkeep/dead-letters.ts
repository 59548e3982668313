import { keepsDeadLetters, type Queue } from '@redis-queue/api';
import {
  deadLetterQueue,
  FairTurns,
  isAnswer,
  restMs,
  tryReadMarks,
  type MarkedQueue,
  type RedisCall,
} from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { lostNotice, newlyLost } from './dead-letter-notices.ts';
import { countLost, doStep, tasksOf, type Known, type Work } from './dead-letter-work.ts';
import type { Duty, DutyTurn } from './duty.ts';

/** Between two looks at a queue in which something happens; a look at 50 that rest takes half a millisecond of Redis. */
const EVERY_MS = 5_000;
/** Of a queue that has no failed job and in which nothing happens. */
const IDLE_MS = 10_000;
/** So long a failed job stays one, so that who samples `failed` sees it. */
const REST_MS = 10_000;
/** Of one Redis' time, for all its queues together. */
const SHARE = 0.1;
/** No script call takes longer of Redis; what is measured beyond it, the network or the machine took. */
const LONGEST_CALL_MS = 3;
/** Queues whose lost jobs are counted at once, most in 50 us. */
const COUNTED_AT_ONCE = 10;

export interface DeadLetterSettings {
  readonly everyMs?: number;
  /** Between two looks at a queue in which nothing happens. */
  readonly idleMs?: number;
  readonly restMs?: number;
}

interface Read {
  readonly own: MarkedQueue;
  readonly letters: MarkedQueue;
  readonly readAtMs: number;
}

/**
 * Runs failed jobs again as often as `dlqPolicy.maxRetries` says, moves those that failed for good to the dead-letter
 * queue, removes letters that are too old, and counts jobs that were lost before. A queue in which nothing has failed
 * costs one read of its marks per look.
 */
export class DeadLetterDuty implements Duty {
  readonly name = 'deadLetters';
  readonly conditions = ['DeadLettersLost', 'FailedJobsLeft', 'UpkeepFailed'] as const;
  readonly everyMs: number;
  readonly #idleMs: number;
  readonly #restMs: number;
  readonly #known = new Map<string, Known>();
  /** How many lost jobs were reported, by uid. */
  readonly #lost = new Map<string, number>();

  constructor({ everyMs = EVERY_MS, idleMs = IDLE_MS, restMs: rest = REST_MS }: DeadLetterSettings = {}) {
    this.everyMs = everyMs;
    this.#idleMs = idleMs;
    this.#restMs = rest;
  }

  wants({ spec }: Queue): boolean {
    return keepsDeadLetters(spec);
  }

  forgetAllBut(uids: ReadonlySet<string>): void {
    for (const memory of [this.#known, this.#lost])
      for (const uid of memory.keys()) if (!uids.has(uid)) memory.delete(uid);
  }

  /** Jobs that are there come first; those that were lost are counted after that. */
  async work(queues: readonly QueueObject[], turn: DutyTurn): Promise<void> {
    const works = await this.#worksOf(queues, turn);
    const paced = { ...turn, call: pacedCall(turn) };
    try {
      const moving = works.filter(({ tasks }) => tasks.length > 0);
      await inTurns(moving, 1, turn, (work) => doStep(work, paced, this.#restMs));
      const counting = works.filter(({ counts }) => counts);
      await inTurns(counting, COUNTED_AT_ONCE, turn, (work) => countLost(work, paced));
    } finally {
      // The others keep their place in line.
      for (const work of works) if (isOver(work) || hasDone(work)) this.#report(work, turn);
    }
  }

  /** What is to be done for the queues; nothing until a reconcile has claimed both queues of a Queue. */
  async #worksOf(queues: readonly QueueObject[], turn: DutyTurn): Promise<Work[]> {
    const refs = queues.map(queueRef);
    const [own, dead] = await Promise.all([
      turn.call((redis) => tryReadMarks(redis, refs)),
      turn.call((redis) => tryReadMarks(redis, refs.map(deadLetterQueue))),
    ]);
    const readAtMs = turn.now();
    return queues.flatMap((queue, index) => {
      const [ours, letters] = [own[index]!, dead[index]!];
      if (!(ours instanceof Error) && !(letters instanceof Error))
        return this.#workOf(queue, { own: ours, letters, readAtMs }, turn);
      turn.report(queue, { dueMs: this.everyMs, error: ours instanceof Error ? ours : letters });
      return [];
    });
  }

  #workOf(queue: QueueObject, read: Read, turn: DutyTurn): Work[] {
    const { own, letters } = read;
    const mark = turn.ownMark(queue, own.rawOwnerMark);
    if (!mark || !turn.ownMark(queue, letters.rawOwnerMark)) {
      // Whoever removed the dead-letter queue took its mark with it.
      const reconciles = mark !== undefined && letters.rawOwnerMark === undefined;
      turn.report(queue, { dueMs: this.everyMs, notOwn: true, reconciles });
      return [];
    }
    const known = this.#knownOf(queue);
    const tasks = tasksOf(queue, { ...read, known });
    if (tasks.includes('settle')) known.settleAtMs = 0;
    known.failed = own.failed;
    return [
      {
        ...read,
        tenant: queue.metadata.namespace ?? '',
        queue,
        known,
        tasks,
        counts: own.activity !== known.activity,
        done: { moved: 0, retried: 0, expired: 0 },
        notices: {
          ...(own.failed === 0 && { FailedJobsLeft: undefined }),
          ...(known.lost && { DeadLettersLost: lostNotice({ ...known.lost, redisTimeMs: own.redisTimeMs }) }),
        },
        isIdle: own.failed === 0 && tasks.length === 0 && own.activity === known.activity,
      },
    ];
  }

  #report(work: Work, turn: DutyTurn): void {
    const { queue, notices, error, isIdle } = work;
    const done = { ...work.done, lost: this.#takeLost(work) };
    const dueMs = !isOver(work) ? 0 : isIdle ? this.#idleMs : this.everyMs;
    turn.report(queue, { dueMs, notices, done, ...(error !== undefined && { error }) });
  }

  /** How many jobs were lost since the last report. */
  #takeLost({ queue: { metadata }, known: { lost } }: Work): number {
    if (!lost) return 0;
    const { uid = '' } = metadata;
    const before = this.#lost.get(uid);
    this.#lost.set(uid, lost.lost);
    return newlyLost(lost, before);
  }

  #knownOf({ metadata: { uid = '', generation } }: QueueObject): Known {
    const before = this.#known.get(uid);
    if (before && before.generation === generation) return before;
    const known: Known = { generation, failed: 0, activity: '', settleAtMs: 0, expireAtMs: 0, foreignPassed: 0 };
    this.#known.set(uid, known);
    return known;
  }
}

function isOver({ tasks, counts, error }: Work): boolean {
  return error !== undefined || (tasks.length === 0 && !counts);
}

function hasDone({ done: { moved, retried, expired } }: Work): boolean {
  return moved + retried + expired > 0;
}

/** Rests after each call, so that all of them together take their share of Redis' time. */
function pacedCall({ call, now, sleep, signal }: DutyTurn): RedisCall {
  return async (run) => {
    const begunMs = now();
    const result = await call(run);
    await sleep(restMs(Math.min(now() - begunMs, LONGEST_CALL_MS), SHARE), signal);
    return result;
  };
}

/** Steps of so many queues at once, tenants in turns, until each has no more of them or the time is over. */
async function inTurns(
  works: readonly Work[],
  atOnce: number,
  { now, endMs, signal }: DutyTurn,
  step: (work: Work) => Promise<'more' | 'done'>,
): Promise<void> {
  const turns = new FairTurns(works);
  while (now() < endMs && !signal.aborted && !turns.isEmpty) {
    const next = Array.from({ length: atOnce }, () => turns.next()).filter((work) => work !== undefined);
    const outcomes = await Promise.all(
      next.map(async (work) => {
        try {
          return await step(work);
        } catch (error) {
          if (!isAnswer(error)) throw error;
          work.error = error;
          return 'done';
        }
      }),
    );
    for (const [index, outcome] of outcomes.entries()) if (outcome === 'more') turns.push(next[index]!);
  }
}
