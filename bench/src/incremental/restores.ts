import { readFile, stat } from 'node:fs/promises';
import { QUEUE_RESTORES, QUEUES, type QueueRestore } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import type { Redis } from 'ioredis';
import { judge, readLedger, type FoundJob, type PointWindow, type Verdict } from './ledger.ts';
import { QUEUE, type IncrementalStand } from './stand.ts';

export interface RestoreResult extends Verdict {
  /** How long before the restore its point was, s. */
  readonly ageS: number;
  /** From the QueueRestore to the queue that is whole and paused, s. */
  readonly seconds: number;
  /** Jobs of the queue that were there before the load, and are missing or differ. */
  readonly oldLost: number;
  /** Jobs that are in no state, or the other way round. */
  readonly unplaced: number;
}

const PER_PIPELINE = 1_000;
const FIELDS = ['name', 'data', 'opts', 'timestamp', 'delay', 'finishedOn', 'returnvalue'] as const;
const DATA = FIELDS.indexOf('data');
const FINISHED_ON = FIELDS.indexOf('finishedOn');

/**
 * Restores the queue as it was at a time, into another Queue at another Redis, and compares it with what is known of its
 * jobs.
 *
 * @param oldJobs how many jobs there were before the load, which nobody touches.
 */
export async function restoreAt(
  stand: IncrementalStand,
  copy: string,
  at: Date,
  { oldJobs, timeoutMs }: { readonly oldJobs: number; readonly timeoutMs: number },
): Promise<RestoreResult> {
  const { rig, namespace, clients } = stand;
  await rig.objects.create(QUEUES, { namespace, name: copy }, { redis: { secretRef: { name: 'redis-other' } } });
  const spec = {
    from: { backup: { name: QUEUE, at: at.toISOString() } },
    queues: [{ name: QUEUE, to: { queue: copy } }],
    resume: false,
  };
  const beganMs = Date.now();
  const created = await rig.objects.create<QueueRestore>(QUEUE_RESTORES, { namespace, name: copy }, spec);
  const restored = await eventually(
    async () => {
      const now = await rig.objects.read(QUEUE_RESTORES, created);
      const ready = findCondition(now.status?.conditions, 'Ready');
      if (ready?.reason === 'RestoredPaused') return now;
      throw new Error(`Ready is ${JSON.stringify(ready)}`);
    },
    { timeoutMs, intervalMs: 100, description: `${copy} to be restored` },
  );
  const seconds = (Date.now() - beganMs) / 1_000;
  const window = await windowOf(stand, restored.status!.directory!);
  const ledger = readLedger(await readFile(stand.ledgerFile, 'utf8'));
  const found = await read(clients.other, copy, [...ledger.keys()]);
  const jobs = new Map([...found].map(([id, fields]) => [id, foundJob(fields)]));
  const old = Array.from({ length: oldJobs }, (_, n) => String(n + 1));
  const [oldSource, oldCopy] = [await read(clients.source, QUEUE, old), await read(clients.other, copy, old)];
  const oldLost = old.filter((id) => String(oldSource.get(id)) !== String(oldCopy.get(id))).length;
  const unplaced = Math.abs(found.size + oldCopy.size - (await placedJobs(clients.other, copy)));
  await clients.other.flushall();
  return { ...judge(ledger, jobs, window), ageS: (beganMs - window.fromMs) / 1_000, seconds, oldLost, unplaced };
}

/** When the point in that directory was read: from its snapshot to when its manifest was written. */
async function windowOf(stand: IncrementalStand, directory: string): Promise<PointWindow> {
  const file = stand.fileOf(`${directory}/manifest.json`);
  const manifest = JSON.parse(await readFile(file, 'utf8')) as {
    queues: { about: { snapshotAt: number } }[];
  };
  return { fromMs: manifest.queues[0]!.about.snapshotAt, toMs: (await stat(file)).mtimeMs };
}

/** The fields of those of these jobs that are there. */
async function read(
  redis: Redis,
  queue: string,
  ids: readonly string[],
): Promise<Map<string, readonly (string | null)[]>> {
  const found = new Map<string, readonly (string | null)[]>();
  for (let from = 0; from < ids.length; from += PER_PIPELINE) {
    const some = ids.slice(from, from + PER_PIPELINE);
    const pipeline = redis.pipeline();
    for (const id of some) pipeline.hmget(`bull:${queue}:${id}`, ...FIELDS);
    const replies = (await pipeline.exec()) ?? [];
    for (const [at, [error, fields]] of replies.entries()) {
      if (error) throw error;
      const values = fields as (string | null)[];
      if (values.some((value) => value !== null)) found.set(some[at]!, values);
    }
  }
  return found;
}

function foundJob(fields: readonly (string | null)[]): FoundJob {
  const { version } = JSON.parse(fields[DATA] ?? '{}') as { version?: number };
  return { version: version ?? 0, hasEnded: fields[FINISHED_ON] !== null };
}

/** Jobs in all states. */
async function placedJobs(redis: Redis, queue: string): Promise<number> {
  const key = (suffix: string): string => `bull:${queue}:${suffix}`;
  const lists = await Promise.all(['wait', 'paused', 'active'].map((list) => redis.llen(key(list))));
  const sets = await Promise.all(
    ['delayed', 'prioritized', 'waiting-children', 'completed', 'failed'].map((set) => redis.zcard(key(set))),
  );
  return [...lists, ...sets].reduce((sum, size) => sum + size, 0);
}
