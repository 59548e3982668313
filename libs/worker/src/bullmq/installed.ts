import * as bullmq from 'bullmq';
import { unusable } from './unusable.ts';

/** What this package uses of the exports of BullMQ; types need nothing at run time. */
const USED = [
  'isNotConnectionError',
  'Job',
  'Queue',
  'RATE_LIMIT_ERROR',
  'RateLimitError',
  'UnrecoverableError',
  'WaitingError',
  'Worker',
] as const satisfies readonly (keyof typeof bullmq)[];

const missing = USED.filter((name) => !(name in bullmq));
if (missing.length > 0) throw unusable(missing);

/** What is taken below and is not named above does not compile. */
const checked: Pick<typeof bullmq, (typeof USED)[number]> = bullmq;

/**
 * BullMQ as it is installed, which has everything that this package uses. Only here is it imported: where another module
 * imports an export that is not there, Node calls it a syntax error before a line of this package has run.
 */
export const {
  isNotConnectionError,
  Job,
  Queue,
  RATE_LIMIT_ERROR,
  RateLimitError,
  UnrecoverableError,
  WaitingError,
  Worker,
} = checked;
