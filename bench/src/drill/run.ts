import { setTimeout as sleep } from 'node:timers/promises';
import { API_VERSION, QUEUE_BACKUPS, QUEUE_RESTORES, type QueueBackup, type QueueRestore } from '@redis-queue/api';
import { loadKubeClient, type Resource } from '@redis-queue/controller';
import { temporaryFolder } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { seedEveryState } from '../backup/seed.ts';
import { ALONE } from '../fleet/fleet.ts';
import { peakMib } from '../measuring/resident.ts';
import { slowestScript } from '../measuring/slowest-script.ts';
import type { Stand } from '../stand/stand.ts';

export interface DrillOptions {
  readonly jobs: number;
  readonly dataBytes: number;
  readonly print: (line: string) => void;
}

export interface DrillResult {
  readonly jobs: number;
  /** From when the object was created until it was Complete: restored, compared and removed. */
  readonly completeMs: number;
  /** The part of it until every job had been compared, as status has it: how long a restore takes. */
  readonly verifiedSeconds: number;
  /** What Redis used at most, beyond what it used before. */
  readonly memoryMib: number;
  /** What had been estimated of that. */
  readonly estimatedMib: number;
  /** Keys that were left. */
  readonly keysLeft: number;
  readonly slowestScriptMs: number;
  /** Of the controller. */
  readonly peakMib: number;
}

const SLOW_FROM_US = 1_000;
const TIMEOUT_MS = 3_600_000;
const QUEUE = 'emails';

/** Backs a queue up, and has a scratch restore write it beside itself, in the same Redis. */
export async function runDrill(stand: Stand, { jobs, dataBytes, print }: DrillOptions): Promise<DrillResult> {
  const { controlPlane, namespace } = stand;
  const client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  const redis = new Redis(stand.redis.url);
  const ended = async <T extends Resource & (QueueBackup | QueueRestore)>(
    type: typeof QUEUE_BACKUPS | typeof QUEUE_RESTORES,
    name: string,
  ): Promise<T> => {
    for (const untilMs = performance.now() + TIMEOUT_MS; performance.now() < untilMs;) {
      // oxlint-disable-next-line no-await-in-loop -- until it has ended
      const found = await client.get<T>(type, { namespace, name });
      if (found?.status?.phase === 'Completed') return found;
      if (found?.status?.phase === 'Failed') throw new Error(JSON.stringify(found.status.conditions));
      // oxlint-disable-next-line no-await-in-loop
      await sleep(20);
    }
    throw new Error(`${name} has not ended in an hour`);
  };
  await seedEveryState(redis, QUEUE, jobs, dataBytes);
  const controller = await stand.startApp('backup-controller', ALONE, `--volume-directory=${temporaryFolder('drill')}`);
  try {
    const metadata = { name: QUEUE, namespace };
    const backup = { queues: { names: [QUEUE] }, storage: { volume: {} } };
    await controlPlane.apply([
      { apiVersion: API_VERSION, kind: 'Queue', metadata, spec: {} },
      { apiVersion: API_VERSION, kind: 'QueueBackup', metadata, spec: backup },
    ]);
    await ended<Resource & QueueBackup>(QUEUE_BACKUPS, QUEUE);
    print(`${jobs} jobs are backed up`);
    const keys = await redis.dbsize();
    await redis.config('SET', 'slowlog-log-slower-than', String(SLOW_FROM_US));
    await redis.config('SET', 'slowlog-max-len', '10000');
    await redis.slowlog('RESET');
    const usedBefore = await usedBytes(redis);
    const watching = new AbortController();
    const peak = watchPeak(redis, watching.signal);
    const beganMs = performance.now();
    const spec = { from: { backup: { name: QUEUE } }, scratch: {}, openFlows: 'Detach' };
    await controlPlane.apply([{ apiVersion: API_VERSION, kind: 'QueueRestore', metadata, spec }]);
    const { status } = await ended<Resource & QueueRestore>(QUEUE_RESTORES, QUEUE);
    const completeMs = performance.now() - beganMs;
    watching.abort();
    const bytes = status?.queues?.reduce((sum, { memoryBytes = 0 }) => sum + memoryBytes, 0) ?? 0;
    return {
      jobs: status?.jobs ?? 0,
      completeMs: Math.round(completeMs),
      verifiedSeconds: (Date.parse(status?.verifiedAt ?? '') - Date.parse(status?.startTime ?? '')) / 1_000,
      memoryMib: mebibytes((await peak) - usedBefore),
      estimatedMib: mebibytes(bytes),
      keysLeft: (await redis.dbsize()) - keys,
      slowestScriptMs: await slowestScript(redis),
      peakMib: peakMib(controller.process.pid),
    };
  } finally {
    await controller.process.stop('SIGTERM');
    await client.close();
    redis.disconnect();
  }
}

async function watchPeak(redis: Redis, signal: AbortSignal): Promise<number> {
  let peak = 0;
  while (!signal.aborted) {
    // oxlint-disable-next-line no-await-in-loop -- every few ms
    peak = Math.max(peak, await usedBytes(redis));
    // oxlint-disable-next-line no-await-in-loop
    await sleep(20);
  }
  return peak;
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}

function mebibytes(bytes: number): number {
  return Math.round((10 * bytes) / 2 ** 20) / 10;
}
