import type { OpenBackup } from '@redis-queue/backup';
import { verifyRestore, type OpenFlows, type QueueRecord } from '@redis-queue/bullmq';
import type { RunRedis } from '../access/redis.ts';
import type { RunContext } from '../runs/runs.ts';
import { redisInWords } from './failures.ts';
import type { QueueMove } from './moves.ts';
import type { RunProgress } from './progress.ts';

export interface CompareOptions extends RunContext<RunProgress> {
  readonly openFlows: OpenFlows;
  readonly queuesDone: number;
}

/** How a queue that was restored differs from the backup, job by job; the first differences, none when it does not. */
export async function compareQueue(
  backup: OpenBackup,
  { name, queue, ref, rename }: QueueMove,
  access: RunRedis,
  { openFlows, signal, report, queuesDone }: CompareOptions,
): Promise<readonly string[]> {
  async function* records(): AsyncGenerator<readonly QueueRecord[]> {
    let jobs = 0;
    for await (const { records: batch } of backup.records(name)) {
      signal.throwIfAborted();
      jobs += batch.filter(({ kind }) => kind === 'job').length;
      report({ step: 'Comparing', queue: name, jobs, queuesDone });
      yield batch as readonly QueueRecord[];
    }
  }
  const { first, count } = await redisInWords(queue, access, () =>
    verifyRestore(access.redis, ref, records(), { rename, openFlows }),
  );
  return count > first.length ? [...first, `${count - first.length} more`] : first;
}
