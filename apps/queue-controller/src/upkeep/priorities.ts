import type { Queue } from '@redis-queue/api';
import { priorityRound, type PriorityResult } from '@redis-queue/bullmq';
import { queueRef, type QueueObject } from '@redis-queue/redis-access';
import { counted, type Duty, type DutyOutcome, type DutyTurn, type UpkeepNotice } from './duty.ts';
import { readOwnQueues } from './marked.ts';

/** From round to round of those that have more jobs to be moved, or failed. */
const EVERY_MS = 5_000;
const DONE_MS = 30_000;

export interface PrioritySettings {
  readonly everyMs?: number;
  readonly doneMs?: number;
}

/** Counts the ready jobs that have none of `spec.priorities`, and gives them one where `priorityPolicy` is Clamp. */
export class PriorityDuty implements Duty {
  readonly name = 'priorities';
  readonly conditions = ['PrioritiesViolated', 'UpkeepFailed'] as const;
  readonly everyMs: number;
  readonly #doneMs: number;

  constructor({ everyMs = EVERY_MS, doneMs = DONE_MS }: PrioritySettings = {}) {
    this.everyMs = everyMs;
    this.#doneMs = doneMs;
  }

  wants({ spec }: Queue): boolean {
    return spec.priorities !== undefined;
  }

  async work(queues: readonly QueueObject[], turn: DutyTurn): Promise<void> {
    const own = await readOwnQueues(queues, turn, this.everyMs);
    const results = await priorityRound(
      own.map(({ queue, rawOwnerMark }) => ({
        queue: queueRef(queue),
        tenant: queue.metadata.namespace ?? '',
        mark: rawOwnerMark,
        priorities: queue.spec.priorities ?? [],
        clamps: queue.spec.priorityPolicy === 'Clamp',
      })),
      { ...turn, roundMs: turn.endMs - turn.now() },
    );
    own.forEach(({ queue }, index) => {
      const result = results[index]!;
      const dueMs = result.unfinished || result.error ? 0 : this.#doneMs;
      turn.report(queue, { dueMs, ...outcomeOf(result, queue.spec.priorityPolicy === 'Clamp') });
    });
  }
}

/** What a round's result means for the conditions and counts of its queue. Pure. */
export function outcomeOf(result: PriorityResult, clamps: boolean): Omit<DutyOutcome, 'dueMs'> {
  const { clamped, error, ownershipLost, counts, unfinished } = result;
  const done = { clamped };
  if (error) return { done, error };
  if (ownershipLost || !counts) return { done };
  // Jobs that were counted have been moved by now.
  const isMended = clamps && !unfinished;
  return { done, notices: { PrioritiesViolated: isMended ? undefined : violation(counts, clamps) } };
}

function violation(
  { withoutPriority, undeclared }: NonNullable<PriorityResult['counts']>,
  clamps: boolean,
): UpkeepNotice | undefined {
  const count = withoutPriority + undeclared;
  if (count === 0) return undefined;
  const facts = [
    ...(withoutPriority > 0
      ? [`${counted(withoutPriority, 'job')} in line without a priority, which BullMQ serves before all others`]
      : []),
    ...(undeclared > 0
      ? [`${counted(undeclared, 'job')} in line with a priority that spec.priorities does not declare`]
      : []),
  ];
  const wayOut = clamps
    ? 'they are being given one, in steps'
    : 'add jobs with a declared one, declare it, or set priorityPolicy: Clamp';
  return {
    reason: withoutPriority > 0 ? 'JobsWithoutPriority' : 'UndeclaredPriorities',
    count,
    message: `${facts.join(' and ')}; ${wayOut}`,
  };
}
