import { MemoryEstimate, queueId, WouldRun } from '@redis-queue/bullmq';
import { RunFailure } from '../runs/failure.ts';
import { checkQueue } from './check-queue.ts';
import type { RestoreFence } from './restore-fence.ts';
import { openSource, type LeftOutOfBackup, type SourceOptions } from './restore-source.ts';
import { lookAtTargets } from './take-targets.ts';

/** A queue of a backup that was read from its first to its last record. */
export interface CheckedQueue {
  readonly name: string;
  /** Name of the Queue object. */
  readonly queue: string;
  readonly wouldRun: number;
  /** That it takes in Redis, as estimated. */
  readonly memoryBytes: number;
  /** Flow links that are cut, and those that stay as they are. */
  readonly detached: readonly string[];
}

/** Of flow links, in a status. */
const MOST_NAMED = 20;

export interface CheckResult {
  readonly directory: string;
  readonly location: string;
  readonly manifestSha256: string;
  readonly checked: readonly CheckedQueue[];
  /** That the backup has. */
  readonly jobs: number;
  /** Queues that the backup was to have and does not have. */
  readonly leftOut: readonly LeftOutOfBackup[];
}

export interface CheckRestoreOptions extends SourceOptions, Pick<RestoreFence, 'restoreId'> {
  /** What it writes is removed again; there is no queue to look at. */
  readonly scratch: boolean;
}

/**
 * Reads all that is to be restored: each part is as it was written, each record one that can be restored, and no flow is
 * cut that must not be; and each queue into which it goes is empty and can be reached. Writes nothing.
 */
export async function checkRestore(options: CheckRestoreOptions): Promise<CheckResult> {
  const { backup, moves, location, leftOut } = await openSource(options);
  if (!options.scratch) await lookAtTargets(moves, options);
  const { openFlows, nowMs, report, signal } = options;
  const checked: CheckedQueue[] = [];
  const openLinks: string[] = [];
  let [links, jobs] = [0, 0];
  for (const [queuesDone, move] of moves.entries()) {
    const wouldRun = new WouldRun(nowMs());
    const memory = new MemoryEstimate(queueId(move.ref));
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const found = await checkQueue(backup, move, [wouldRun, memory], {
      signal,
      onProgress: (done) => report({ step: 'Checking', queue: move.name, jobs: done, queuesDone }),
    });
    links += found.flows.links;
    jobs += found.jobs;
    openLinks.push(...found.flows.first);
    checked.push({
      name: move.name,
      queue: move.queue,
      wouldRun: startable(wouldRun),
      memoryBytes: memory.bytes,
      detached: [...found.flows.first, ...found.flows.fixed].slice(0, MOST_NAMED),
    });
  }
  if (links > 0 && openFlows === 'Refuse') {
    const lacking = leftOut.slice(0, 5).map(({ name }) => name);
    const lacks = lacking.length > 0 ? `; the backup does not have ${lacking.join(', ')}, which could not be read` : '';
    const message = `${links} links of flows lead to queues that are not restored into the same Redis: ${openLinks.slice(0, 5).join('; ')}${lacks}; restore those queues as well, or set openFlows to Detach`;
    throw new RunFailure({ reason: 'OpenFlows', message });
  }
  return { directory: options.directory, location, manifestSha256: backup.manifestSha256, checked, jobs, leftOut };
}

/** Jobs of the queue that was read last that workers would start. */
function startable(wouldRun: WouldRun): number {
  const [found] = wouldRun.summary();
  return found && !found.paused ? found.waiting + found.prioritized + found.active + found.delayedDue : 0;
}
