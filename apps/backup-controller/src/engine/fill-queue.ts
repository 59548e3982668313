import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenBackup } from '@redis-queue/backup';
import { RecordWriter, type OpenFlows, type QueueRecord } from '@redis-queue/bullmq';
import type { RunRedis } from '../access/redis.ts';
import type { RunContext } from '../runs/runs.ts';
import { redisInWords } from './failures.ts';
import { beginQueue } from './take-targets.ts';
import type { QueueMove } from './moves.ts';
import type { RunProgress } from './progress.ts';

export interface FillOptions extends RunContext<RunProgress> {
  readonly restoreId: string;
  readonly openFlows: OpenFlows;
  readonly jobsPerSecond?: number | undefined;
  readonly assertLeading: () => void;
  readonly queuesDone: number;
  /** It is removed again, all of it. */
  readonly scratch?: boolean;
  /** Called after each part that is written. */
  readonly onPart?: () => Promise<void>;
}

/**
 * Writes the jobs of one queue beside an empty one, or goes on where an earlier run of the same restore stopped. None of
 * them is in its place before `placeQueue`.
 */
export async function fillQueue(
  backup: OpenBackup,
  move: QueueMove,
  access: RunRedis,
  options: FillOptions,
): Promise<void> {
  const { name, queue } = move;
  const { report, assertLeading, queuesDone } = options;
  const redis = <T>(call: () => Promise<T>): Promise<T> => redisInWords(queue, access, call);
  const start = await beginQueue(move, access, options);
  const writer = writerOf(move, access, options);
  const stepsDone = start.outcome === 'continued' ? start.partsDone : 0;
  let [noted, underWay, jobs] = [stepsDone, stepsDone, 0];
  for await (const { step, records } of backup.records(name, { fromStep: stepsDone + 1 })) {
    assertLeading();
    underWay = step;
    // A batch of a later step says that all of those before it are written.
    if (noted < step - 1) {
      noted = step - 1;
      await redis(() => writer.noteProgress(noted));
      await options.onPart?.();
    }
    await redis(() => writer.write(records as readonly QueueRecord[]));
    jobs += records.filter(({ kind }) => kind === 'job').length;
    report({ step: 'Writing', queue: name, jobs, queuesDone });
  }
  assertLeading();
  await redis(() => writer.noteProgress(underWay));
}

/**
 * Puts what was written into its place; workers see none of it before the queue is resumed.
 *
 * @returns how many jobs are there.
 */
export async function placeQueue(move: QueueMove, access: RunRedis, options: FillOptions): Promise<number> {
  options.assertLeading();
  const summary = await redisInWords(move.queue, access, () => writerOf(move, access, options).finish());
  return Object.values(summary.jobs).reduce((total, count) => total + count, 0);
}

function writerOf({ from, ref, rename }: QueueMove, { redis }: RunRedis, options: FillOptions): RecordWriter {
  const { restoreId, openFlows, signal, jobsPerSecond } = options;
  const pace = {
    now: () => performance.now(),
    sleep: (ms: number, abort: AbortSignal) => sleep(ms, undefined, { signal: abort }),
  };
  return new RecordWriter(redis, ref, { from, restoreId, rename, openFlows, signal, jobsPerSecond, pace });
}
