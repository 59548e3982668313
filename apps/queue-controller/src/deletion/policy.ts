import { GROUP, type Queue } from '@redis-queue/api';

/** Held while deletionPolicy is Delete or DeleteIfEmpty, until the data in Redis is dealt with. */
export const DATA_FINALIZER = `${GROUP}/queue-data`;
/** "true": remove the data although jobs are active or flow parents wait. */
export const FORCE_DELETE_ANNOTATION = `${GROUP}/force-delete`;

/** Whether the data goes with the object. */
export function removes({ spec: { deletionPolicy } }: Queue): boolean {
  return deletionPolicy === 'Delete' || deletionPolicy === 'DeleteIfEmpty';
}

/** Whether somebody wants an end of it now. */
export function isForced(queue: Queue): boolean {
  return queue.metadata.annotations?.[FORCE_DELETE_ANNOTATION] === 'true';
}
