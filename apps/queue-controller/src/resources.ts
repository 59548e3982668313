import { GROUP } from '@redis-queue/api';

/** Held while deletionPolicy is Delete or DeleteIfEmpty, until the data in Redis is dealt with. */
export const DATA_FINALIZER = `${GROUP}/queue-data`;
/** "true": take the queue over from an owner of which this cluster knows nothing. */
export const TAKE_OVER_ANNOTATION = `${GROUP}/take-over`;
/** "true": remove the data although jobs are active or flow parents wait. */
export const FORCE_DELETE_ANNOTATION = `${GROUP}/force-delete`;
