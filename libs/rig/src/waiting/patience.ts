/**
 * How many times as long as the author of a test allowed is waited in all: the time is what a machine needs that does
 * nothing else, and those of CI, and of a developer, do. What passes is not slowed by it.
 */
export const PATIENCE = 3;
