import { END_RESTORE_ANNOTATION } from '@redis-queue/api';
import type { QueueLeft } from '../engine/end-restore.ts';
import { placeOf } from '../engine/take-targets.ts';
import type { ObservedRestore, RestoreObject } from './steps.ts';

/** Queues in which a restore that ended early has left its jobs, as its abandonment has found. */
export function leftBy({ run }: ObservedRestore): readonly QueueLeft[] {
  if (run?.phase !== 'ended' || !run.end.ok || !('left' in run.end.result)) return [];
  return run.end.result.left;
}

/** Whether the status names them. */
export function namesLeft({ status }: RestoreObject): boolean {
  return status?.queues?.some(({ left }) => left) ?? false;
}

/** Where the jobs are, and the ways out. */
export function describeLeft(left: readonly QueueLeft[], { metadata: { uid = '' } }: RestoreObject): string {
  const places = left.map((each) => placeOf(each)).join(', ');
  const queues = [...new Set(left.map(({ queue }) => queue))].join(', ');
  const stays = left.length === 1 ? 'which stays' : 'which stay';
  return `its jobs are in ${places}, ${stays} paused: annotate Queue ${queues} with ${END_RESTORE_ANNOTATION}=${uid} to let workers start them, or remove them with queue.obliterate()`;
}
