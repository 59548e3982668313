import { setTimeout as sleep } from 'node:timers/promises';
import { startProcess } from '@redis-queue/rig';
import { coreEach, weighAsRequested } from '../measuring/core-each.ts';
import { finishedJobs } from '../measuring/finished-jobs.ts';
import { hundredths, percentile } from '../measuring/percentile.ts';
import type { IncrementalStand } from './stand.ts';

const BUSY = 'busy';
/** Of the keys that workers leave. */
const SCANNED_PER_CALL = 1_000;

export interface ThroughputOptions {
  /** Turns with points, each between two without. */
  readonly turns: number;
  /** Of a turn: some points long. */
  readonly windowMs: number;
  readonly progress: (message: string) => void;
}

/**
 * What workers of another queue, which do nothing but start and finish jobs, get done per second while points are taken,
 * beside what they do while the controller is stopped: the median of turns, each to the mean of its neighbours.
 */
export async function workerThroughput(
  stand: IncrementalStand,
  { turns, windowMs, progress }: ThroughputOptions,
): Promise<{ readonly workerThroughputShare: number; readonly workersPerSecond: number }> {
  const { rig, clients } = stand;
  // Else workers wait for the disk, and not for Redis.
  await clients.source.config('SET', 'appendonly', 'no');
  const workers = startProcess(process.execPath, [`${import.meta.dirname}/../retention/saturate-process.ts`], {
    env: { REDIS_URL: rig.redis.url, QUEUE: BUSY },
  });
  try {
    await coreEach(rig.redis.pid, [workers.pid]);
    await workers.waitForLine(/^saturated$/, { timeoutMs: 60_000 });
    const perSecond = async (): Promise<number> => {
      const [before, beganMs] = [await finishedJobs(clients.source, BUSY), performance.now()];
      await sleep(windowMs);
      return ((await finishedJobs(clients.source, BUSY)) - before) / ((performance.now() - beganMs) / 1_000);
    };
    await stand.stopController();
    const without = [await perSecond()];
    const beside: number[] = [];
    for (let turn = 1; turn <= turns; turn++) {
      progress(`workers beside points: ${turn} of ${turns}`);
      await stand.startController();
      await coreEach(rig.redis.pid, [stand.controller.pid]);
      await weighAsRequested(stand.controller.pid);
      // The first one after a start reads from the storage what is known.
      await stand.pointSince(Date.now());
      beside.push(await perSecond());
      await stand.stopController();
      without.push(await perSecond());
    }
    const shares = beside.map((each, at) => each / ((without[at]! + without[at + 1]!) / 2));
    return {
      workerThroughputShare: hundredths(percentile(shares, 0.5)),
      workersPerSecond: Math.round(percentile(without, 0.5)),
    };
  } finally {
    await workers.stop();
    await removeKeys(stand, `bull:${BUSY}:*`);
    await clients.source.config('SET', 'appendonly', 'yes');
  }
}

async function removeKeys({ clients }: IncrementalStand, pattern: string): Promise<void> {
  for await (const keys of clients.source.scanStream({ match: pattern, count: SCANNED_PER_CALL }))
    if ((keys as string[]).length > 0) await clients.source.unlink(...(keys as string[]));
}
