import type { QueueBackupStatus } from '@redis-queue/api';
import { listQueues } from '../engine/queue-names.ts';
import type { Problem } from './steps.ts';

type LeftOut = NonNullable<QueueBackupStatus['leftOut']>;

/** Queues that a backup does not have, each with its reason. */
export function listLeftOut(leftOut: readonly Pick<LeftOut[number], 'name' | 'reason'>[]): string {
  return listQueues(leftOut.map(({ name, reason }) => `${name} (${reason})`));
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
