import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenBackup } from '@redis-queue/backup';
import { beginRestore, RecordWriter, type OpenFlows, type QueueRecord } from '@redis-queue/bullmq';
import type { RunRedis } from '../access/redis.ts';
import { RunFailure } from '../runs/failure.ts';
import type { RunContext } from '../runs/runs.ts';
import { redisInWords } from './failures.ts';
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

/** A call that begins a scratch restore later than this is none: who leads next may have removed it by then. */
const SCRATCH_BEGINS_WITHIN_MS = 5_000;

/**
 * Writes the jobs of one queue into an empty one, or goes on where an earlier run of the same restore stopped. Workers see
 * none of them before the queue is resumed.
 *
 * @returns how many jobs are in their places.
 */
export async function fillQueue(
  backup: OpenBackup,
  move: QueueMove,
  access: RunRedis,
  options: FillOptions,
): Promise<number> {
  const { name, queue, ref, from, rename } = move;
  const { restoreId, openFlows, jobsPerSecond, signal, report, assertLeading, queuesDone, scratch = false } = options;
  const redis = <T>(call: () => Promise<T>): Promise<T> => redisInWords(queue, access, call);
  assertLeading();
  const start = await redis(() =>
    beginRestore(access.redis, ref, restoreId, scratch ? { scratch, withinMs: SCRATCH_BEGINS_WITHIN_MS } : {}),
  );
  if (start.outcome === 'occupied') {
    const message = `the queue of Queue ${queue} is not empty: it has ${start.by}; remove that, or restore ${name} into another Queue`;
    throw new RunFailure({ reason: 'QueueNotEmpty', message });
  }
  const writer = new RecordWriter(access.redis, ref, {
    from,
    restoreId,
    rename,
    openFlows,
    signal,
    jobsPerSecond,
    pace: {
      now: () => performance.now(),
      sleep: (ms, abort) => sleep(ms, undefined, { signal: abort }),
    },
  });
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
  const summary = await redis(() => writer.finish());
  return Object.values(summary.jobs).reduce((total, count) => total + count, 0);
}
