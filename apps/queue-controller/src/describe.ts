import type { RateLimitWindow } from '@redis-queue/bullmq';
import { describeSchedulerStep } from './schedulers/plan.ts';
import type { QueueStep } from './steps.ts';

/** A sentence for people: in status.plan what would be done, in events what was done. */
export function describeStep(step: QueueStep): string {
  switch (step.kind) {
    case 'addFinalizer':
      return 'add a finalizer that holds the object until its data is removed';
    case 'claim':
      return step.from === undefined
        ? 'mark the queue as governed by this Queue'
        : `take the queue over from ${step.from}`;
    case 'leaveClaim':
      return 'leave a claim, so that whoever governs the queue removes nothing when its Queue goes';
    case 'pause':
      return 'pause the queue';
    case 'movePausedJobs':
      return `move ${step.jobs} jobs of the paused queue from wait, where BullMQ 5 may lose them, to paused`;
    case 'setRateLimit':
      return `set the rate limit to ${describeWindow(step.window)}${step.was ? `, from ${describeWindow(step.was)}` : ''}`;
    case 'clearRateLimit':
      return 'clear the rate limit';
    case 'setGlobalConcurrency':
      return `set the global concurrency to ${step.value}${step.was === undefined ? '' : `, from ${step.was}`}`;
    case 'clearGlobalConcurrency':
      return 'clear the global concurrency';
    case 'claimDeadLetters':
      return 'mark the dead-letter queue as governed by this Queue';
    case 'releaseDeadLetters':
      return 'stop governing the dead-letter queue, and leave its jobs there';
    case 'beginDeadLetterRemoval':
      return 'mark the dead-letter queue as one that is being removed';
    case 'obliterateDeadLetters':
      return 'remove the dead-letter queue from Redis';
    case 'endDeadLetterRemoval':
      return 'mark the dead-letter queue as one that stays';
    case 'endRestore':
      return `end restore ${step.restoreId} in the ${step.deadLetters ? 'dead-letter queue' : 'queue'}, as the annotation asks`;
    case 'resume':
      return 'resume the queue';
    case 'upsertScheduler':
    case 'removeScheduler':
      return describeSchedulerStep(step);
    case 'release':
      return `stop managing ${step.fields.join(', ')}`;
    case 'beginRemoval':
      return 'mark the queue as one that is being removed';
    case 'obliterate':
      return 'remove all data of the queue from Redis';
    case 'endRemoval':
      return 'mark the queue as one that stays';
    case 'removeFinalizer':
      return step.dataRetained === undefined
        ? 'remove the finalizer'
        : `remove the finalizer and keep the data in Redis: ${step.dataRetained}`;
    default:
      return step satisfies never;
  }
}

function describeWindow({ max, durationMs }: RateLimitWindow): string {
  return `${max} jobs per ${durationMs} ms`;
}
