import { deadLetterQueue, ownMark, parseOwnerMark, queueId, STEP_VALID_MS } from '@redis-queue/bullmq';
import { restoredUnfinished } from '@redis-queue/controller';
import { queueRef } from '@redis-queue/redis-access';
import { createdByRedisClock, filterOf, hasEnded, type RedriveObject } from './redrives.ts';
import type { RedriveSources } from './sources.ts';
import type { ObservedRedrive, Problem, RedrivePlace, RedrivePlan } from './steps.ts';

/**
 * What is to be done for a redrive now. Pure. It first counts what matches, and puts something back only once its status
 * says how much that is: so the status also says, before anything is written to Redis, until when jobs may have failed.
 *
 * @param ownerOf how a Queue is named in owner marks.
 */
export function planRedrive(
  redrive: RedriveObject,
  { ahead, problem, place }: ObservedRedrive,
  ownerOf: RedriveSources['ownerOf'],
  now: Date,
): RedrivePlan {
  const { spec, status } = redrive;
  if (hasEnded(redrive)) return { steps: deletionDueMs(redrive, now) === 0 ? [{ kind: 'delete' }] : [] };
  const restored = restoredUnfinished(redrive, now);
  if (restored) {
    if (restored.statusWithinMs > 0) return { steps: [] };
    return blocked({ reason: 'RestoredByVelero', message: restored.message });
  }
  const filter = filterOf(redrive);
  if ('problem' in filter) return blocked({ reason: 'FilterInvalid', message: `spec.filter: ${filter.problem}` });
  if (spec.suspend) return blocked({ reason: 'Suspended', message: 'spec.suspend is true; set it to false to go on' });
  if (ahead !== undefined)
    return blocked({
      reason: 'WaitingForRedrive',
      message: `QueueRedrive ${ahead.name} of Queue ${ahead.queue} is older and goes first; suspend or delete it to let this one go first`,
    });
  if (!place) return blocked(problem ?? { reason: 'RedisError', message: 'Redis could not be read' });
  const obstacle = whyNotGoverned(place, ownerOf);
  if (obstacle) return blocked(obstacle);
  const { queueMark = '', deadLetterMark = '', redisTimeMs, restoringId } = place.state;
  // What matches is not all there yet, and what has been put there is compared with the backup as it is.
  if (restoringId !== undefined) return blocked(waitingForRestore(place, restoringId));
  const { lettersUntil, matched } = status ?? {};
  const untilMs =
    lettersUntil === undefined ? createdByRedisClock(redrive, redisTimeMs, now) : Date.parse(lettersUntil);
  if (spec.dryRun || matched === undefined) return { steps: [{ kind: 'count', filter, untilMs }] };
  const fence = { queueMark, deadLetterMark, untilMs: Math.round(redisTimeMs) + STEP_VALID_MS };
  return { steps: [{ kind: 'putBack', filter, untilMs, fence }] };
}

/** In how many ms an ended redrive is to be deleted; undefined: never. */
export function deletionDueMs({ spec, status }: RedriveObject, now: Date): number | undefined {
  const { ttlSecondsAfterFinished } = spec;
  if (ttlSecondsAfterFinished === undefined || status?.completionTime === undefined) return undefined;
  const endMs = Date.parse(status.completionTime) + ttlSecondsAfterFinished * 1_000;
  // A time that is none keeps the object.
  return Number.isNaN(endMs) ? undefined : Math.max(0, endMs - now.getTime());
}

/** Only what its own Queue governs is touched, as the owner marks in Redis have it. */
function whyNotGoverned({ queue, state }: RedrivePlace, ownerOf: RedriveSources['ownerOf']): Problem | undefined {
  const { name } = queue.metadata;
  const ref = queueRef(queue);
  const owner = ownerOf(queue);
  const [mark, dead] = [ownMark(state.queueMark, owner), parseOwnerMark(state.deadLetterMark)];
  if (queue.metadata.deletionTimestamp !== undefined) return notGoverned(`Queue ${name} is being deleted`);
  if (queue.spec.adoptionPolicy === 'Observe')
    return notGoverned(`Queue ${name} has adoptionPolicy Observe, so nothing is written to its Redis`);
  if (!mark || mark.removal)
    return notGoverned(`Queue ${name} does not govern ${queueId(ref)} in Redis; its condition Ready says why`);
  if (dead !== undefined && (dead === 'unreadable' || dead.owner !== owner))
    return notGoverned(
      `the dead-letter queue ${queueId(deadLetterQueue(ref))} belongs to ${dead === 'unreadable' ? 'a later release' : dead.owner}, not to Queue ${name}`,
    );
  if (dead?.removal) return notGoverned(`the dead-letter queue of Queue ${name} is being removed`);
  return undefined;
}

function waitingForRestore({ queue }: RedrivePlace, restoreId: string): Problem {
  const message = `restore ${restoreId} fills Queue ${queue.metadata.name} or its dead letters, which are counted and put back once it has ended; the condition HeldByRestore of the Queue says how to end one that is left`;
  return { reason: 'WaitingForRestore', message };
}

function notGoverned(message: string): Problem {
  return { reason: 'QueueNotGoverned', message };
}

function blocked(problem: Problem): RedrivePlan {
  return { steps: [], problem };
}
