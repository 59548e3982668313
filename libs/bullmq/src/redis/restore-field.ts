/** The field of a queue's `meta` that says which restore fills it, by which writer, and how far it is. */
export const RESTORE_FIELD = 'redis-queue:restore';
