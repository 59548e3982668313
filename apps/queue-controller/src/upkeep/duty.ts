import type { Queue, QueueReason } from '@redis-queue/api';
import type { OwnerMark, RedisCall } from '@redis-queue/bullmq';
import type { Problem as KindProblem } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';

export type Problem = KindProblem<QueueReason>;

export type DutyName = 'deadLetters' | 'retention' | 'priorities';

/** The condition types that say what recurring work found; `UpkeepFailed` says that it could not be done. */
export const UPKEEP_CONDITIONS = [
  'DeadLettersLost',
  'FailedJobsLeft',
  'RetentionBehind',
  'PrioritiesViolated',
  'UpkeepFailed',
] as const;
export type UpkeepCondition = (typeof UPKEEP_CONDITIONS)[number];

/** What a condition says of a queue. */
export interface UpkeepNotice extends Problem {
  /** The number in the message, which moves all the time: a new one is said when it is another by a tenth. */
  readonly count?: number;
}

/** By condition type; `undefined` takes the condition back. Types that are not named stay as they are. */
export type UpkeepNotices = Partial<Record<UpkeepCondition, UpkeepNotice | undefined>>;

/** What was done to the jobs of a queue; `lost` is what others did before. */
export type UpkeepAction = 'moved' | 'retried' | 'expired' | 'lost' | 'removed' | 'eventsRemoved' | 'clamped';
export type UpkeepCounts = Partial<Record<UpkeepAction, number>>;

/** What came of a queue's turn. */
export interface DutyOutcome {
  /** In how many ms the queue is to have its next turn. 0: as soon as there is one. */
  readonly dueMs: number;
  readonly notices?: UpkeepNotices;
  readonly done?: UpkeepCounts;
  /** The queue is not the object's, so nothing of it is known. */
  readonly notOwn?: boolean;
  /** The queue has to be reconciled first: what the duty needs was lost. */
  readonly reconciles?: boolean;
  /** Why the duty could not be done, where Redis has answered so for this queue alone. */
  readonly error?: unknown;
}

/** What a duty works with while one Redis has its turn. */
export interface DutyTurn {
  /** Makes one call, with a deadline of its own, while this process leads. */
  readonly call: RedisCall;
  /** Monotonic, ms. */
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  /** By `now`: no step is begun after it. */
  readonly endMs: number;
  readonly signal: AbortSignal;
  /** The owner mark, if it says that the queue is this object's and stays so. */
  readonly ownMark: (queue: QueueObject, rawOwnerMark: string | undefined) => OwnerMark | undefined;
  /** Called for each queue as soon as its turn has ended. */
  readonly report: (queue: QueueObject, outcome: DutyOutcome) => void;
}

/**
 * Recurring work that holds a part of a Queue's spec true in Redis. Whatever it remembers may be lost at any time: all
 * that decides is read again, and each write is fenced by the owner mark, in the script that writes.
 */
export interface Duty {
  readonly name: DutyName;
  /** From the beginning of a round to that of the next. */
  readonly everyMs: number;
  /** The condition types that say what it finds. */
  readonly conditions: readonly UpkeepCondition[];
  /** Whether the spec asks for it. */
  wants(queue: Queue): boolean;
  /**
   * One turn of queues that lie in one Redis, tenants in turns. Queues for which the time was too short are not reported.
   *
   * @throws what `call` throws when Redis does not answer.
   */
  work(queues: readonly QueueObject[], turn: DutyTurn): Promise<void>;
  /** Drops what is remembered of other queues. */
  forgetAllBut?(uids: ReadonlySet<string>): void;
}

/** Whether recurring work may write for the Queue: not for one that only observes, or is being deleted. */
export function allowsUpkeep({ metadata, spec }: Queue): boolean {
  return metadata.deletionTimestamp === undefined && spec.adoptionPolicy !== 'Observe';
}

/** The way out for a producer whose failed jobs are removed before they are looked at. */
export const KEEP_FAILED_JOBS =
  'let producers and workers keep failed jobs, for five minutes at least: removeOnFail { age: 300 }';

/** The reasons of events about what was done, each with what it says of a number of jobs. */
export const UPKEEP_EVENTS: Partial<Record<UpkeepAction, readonly [QueueReason, (jobs: number) => string]>> = {
  moved: ['DeadLettersMoved', (jobs) => `${counted(jobs, 'job')} that failed for good moved to the dead-letter queue`],
  retried: ['FailedJobsRetried', (jobs) => `${counted(jobs, 'failed job')} put back in line, by dlqPolicy.maxRetries`],
  expired: ['DeadLettersExpired', (jobs) => `${counted(jobs, 'dead letter')} removed, by dlqPolicy.retentionDays`],
  lost: [
    'DeadLettersLost',
    (jobs) =>
      `${counted(jobs, 'job')} at least failed for good and went before becoming dead letters, as removeOnFail asks; ${KEEP_FAILED_JOBS}`,
  ],
  removed: ['FinishedJobsRemoved', (jobs) => `${counted(jobs, 'finished job')} removed, by retention`],
  clamped: ['PrioritiesClamped', (jobs) => `${counted(jobs, 'job')} given a priority that spec.priorities declares`],
};

/** `1 job`, `2 jobs`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
