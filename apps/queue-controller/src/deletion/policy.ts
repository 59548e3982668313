import { GROUP, type Queue } from '@redis-queue/api';

/** Held while deletionPolicy is Delete or DeleteIfEmpty, until the data in Redis is dealt with. */
export const DATA_FINALIZER = `${GROUP}/queue-data`;
/** "true": remove the data although jobs are active or flow parents wait. */
export const FORCE_DELETE_ANNOTATION = `${GROUP}/force-delete`;

/** Whether the data goes with the object. Not with one that only observes: nothing is written for it. */
export function removes({ spec: { adoptionPolicy, deletionPolicy } }: Queue): boolean {
  return adoptionPolicy !== 'Observe' && deletionPolicy !== undefined && deletionPolicy !== 'Retain';
}

/** Whether somebody wants an end of it now. */
export function isForced(queue: Queue): boolean {
  return queue.metadata.annotations?.[FORCE_DELETE_ANNOTATION] === 'true';
}
