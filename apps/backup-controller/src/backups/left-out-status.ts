import type { QueueBackupStatus } from '@redis-queue/api';
import type { Problem } from './steps.ts';

/** Queues that a message names. */
const MOST_NAMED = 10;

type LeftOut = NonNullable<QueueBackupStatus['leftOut']>;

/** Queues that a backup does not have, each with its reason. */
export function listLeftOut(leftOut: readonly Pick<LeftOut[number], 'name' | 'reason'>[]): string {
  const listed = leftOut.slice(0, MOST_NAMED).map(({ name, reason }) => `${name} (${reason})`);
  const more = leftOut.length > MOST_NAMED ? ` and ${leftOut.length - MOST_NAMED} more` : '';
  return `${listed.join(', ')}${more}`;
}

/** What degrades a backup, or the newest point of one, that does not have all of its queues. */
export function queuesLeftOut({
  leftOut = [],
}: {
  readonly leftOut?: readonly Pick<LeftOut[number], 'name' | 'reason' | 'message'>[] | undefined;
}): Problem | undefined {
  const [first] = leftOut;
  if (!first) return undefined;
  const message = `it does not have ${listLeftOut(leftOut)}, which could not be read; of ${first.name}: ${first.message}`;
  return { reason: 'QueuesLeftOut', message };
}
