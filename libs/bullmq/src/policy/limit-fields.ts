// Fields of a queue's `meta` in which BullMQ has its limits.

/** Written and cleared together: `max` alone stops every worker. */
export const RATE_LIMIT_FIELDS = ['max', 'duration'] as const;
export const GLOBAL_CONCURRENCY_FIELD = 'concurrency';
/** To what length BullMQ shortens the stream of events; each producer that starts sets its own, or 10,000. */
export const MAX_EVENTS_FIELD = 'opts.maxLenEvents';
