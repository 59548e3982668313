import type { OpenBackup } from '@redis-queue/backup';
import { completeRestore } from '@redis-queue/bullmq';
import { withRedis, type RunRedis } from '../access/redis.ts';
import { RunFailure } from '../runs/failure.ts';
import { compareQueue } from './compare-queue.ts';
import type { RestoreFence } from './restore-fence.ts';
import { redisInWords } from './failures.ts';
import { fillQueue, placeQueue, type FilledQueue, type FillOptions } from './fill-queue.ts';
import type { QueueMove } from './moves.ts';
import { openSource, type OpenedSource, type SourceOptions } from './restore-source.ts';
import { confirmTargets, lookAtTargets, takeTargets } from './take-targets.ts';

export interface RestoreOptions extends SourceOptions, RestoreFence {
  readonly jobsPerSecond?: number | undefined;
}

export interface RestoredQueue extends FilledQueue {
  readonly name: string;
  /** Name of the Queue object. */
  readonly queue: string;
  readonly differences?: readonly string[];
}

export interface RestoreResult {
  readonly restored: readonly RestoredQueue[];
}

/** What was restored is not what the backup has. */
export class RestoreDiffersFailure extends RunFailure {
  readonly queues: readonly RestoredQueue[];

  constructor(message: string, queues: readonly RestoredQueue[]) {
    super({ reason: 'VerificationFailed', message });
    this.queues = queues;
  }
}

/**
 * Restores queues of a backup that was checked, all of them together: none is taken before all are looked at, and nothing
 * is put in its place, from where it is not removed again, before all jobs of all queues are written. The queues are held
 * paused in the end.
 */
export async function runRestore(options: RestoreOptions): Promise<RestoreResult> {
  const { backup, moves } = await openSource(options);
  await lookAtTargets(moves, options);
  await takeTargets(moves, options);
  const restored = await fillAll({ backup, moves }, options);
  await compareAll(backup, moves, restored, { ...options, consequence: ', so the queues stay paused' });
  for (const { queue, ref, target } of moves) {
    options.assertLeading();
    // oxlint-disable-next-line no-await-in-loop -- in turn
    await withRedis(target, options.signal, (access) =>
      redisInWords(queue, access, () => completeRestore(access.redis, ref, options.restoreId, { resume: false })),
    );
  }
  return { restored };
}

export interface FillAllOptions extends Omit<FillOptions, 'queuesDone' | 'onPart'> {
  /** Called after each part that is written. */
  readonly onPart?: (move: QueueMove, access: RunRedis) => Promise<void>;
}

/** Writes all jobs of all queues, and puts them in their places after that. */
export async function fillAll(
  { backup, moves }: Pick<OpenedSource, 'backup' | 'moves'>,
  options: FillAllOptions,
): Promise<RestoredQueue[]> {
  const { signal, onPart } = options;
  for (const [queuesDone, move] of moves.entries())
    // oxlint-disable-next-line no-await-in-loop -- one after the other: memory is bounded by the parts of one
    await withRedis(move.target, signal, (access) =>
      fillQueue(backup, move, access, { ...options, queuesDone, onPart: async () => await onPart?.(move, access) }),
    );
  await confirmTargets(moves, options);
  const restored: RestoredQueue[] = [];
  for (const [queuesDone, move] of moves.entries()) {
    const { onPart: _, ...rest } = options;
    // oxlint-disable-next-line no-await-in-loop -- in turn
    const placed = await withRedis(move.target, signal, (access) => placeQueue(move, access, { ...rest, queuesDone }));
    restored.push({ name: move.name, queue: move.queue, ...placed });
  }
  return restored;
}

/**
 * Compares all queues, job by job.
 *
 * @throws RestoreDiffersFailure.
 */
export async function compareAll(
  backup: OpenBackup,
  moves: readonly QueueMove[],
  restored: readonly RestoredQueue[],
  options: RestoreOptions & { readonly consequence?: string },
): Promise<void> {
  const compared: RestoredQueue[] = [];
  for (const [queuesDone, move] of moves.entries()) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const differences = await withRedis(move.target, options.signal, (access) =>
      compareQueue(backup, move, access, { ...options, queuesDone }),
    );
    compared.push({ ...restored[queuesDone]!, ...(differences.length > 0 && { differences }) });
  }
  const first = compared.flatMap(({ name, differences = [] }) => differences.map((text) => `${name}: ${text}`));
  if (first.length === 0) return;
  const message = `what is in Redis differs from the backup${options.consequence ?? ''}: ${first.slice(0, 3).join('; ')}; see status.queues`;
  throw new RestoreDiffersFailure(message, compared);
}
