import { Cluster, type Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import type { QueueRecord } from '../snapshot/records.ts';
import { snapshotQueue } from '../snapshot/snapshot-queue.ts';
import type { TestRedis } from '../testing/test-redis.ts';
import { beginRestore } from './begin-restore.ts';
import type { OpenFlows, Rename } from './flow-links.ts';
import { RecordWriter, type RestoreSummary } from './record-writer.ts';

export const SOURCE: QueueRef = { prefix: 'bull', name: 'source' };
export const HOUR = 3_600_000;
export const place = (name: string): QueueRef => ({ prefix: 'bull', name });
/** As a list has them: the last one is served first. */
export const idsOf = (from: number, to: number): string[] =>
  Array.from({ length: from - to + 1 }, (_, n) => String(from - n));

/** What a backup has of the queue `source`: jobs 1 to 30 wait, 31 is delayed, 32 has a priority; and a job scheduler. */
export async function sourceRecords(t: TestRedis): Promise<QueueRecord[]> {
  const queue = t.producer(SOURCE);
  await queue.addBulk(Array.from({ length: 30 }, (_, n) => ({ name: 'j', data: { n } })));
  await queue.add('later', {}, { delay: HOUR });
  await queue.add('soon', {}, { priority: 3 });
  await queue.upsertJobScheduler('nightly', { pattern: '0 2 * * *', tz: 'UTC' }, { name: 'report' });
  for (let line = 0; line < 3; line++) await queue.addJobLog('1', `line ${line}`);
  return await recordsOf(t.redis, SOURCE);
}

/** What a backup has of a queue. */
export async function recordsOf(redis: Redis, ref: QueueRef): Promise<QueueRecord[]> {
  const records: QueueRecord[] = [];
  for await (const page of snapshotQueue(redis, ref, { signal: AbortSignal.timeout(60_000) })) records.push(...page);
  // As a file has them.
  return records.map((record) => JSON.parse(JSON.stringify(record)) as QueueRecord);
}

/** Records in parts, as a backup's reader gives them. */
export function partsOf(records: readonly QueueRecord[], size: number): QueueRecord[][] {
  return Array.from({ length: Math.ceil(records.length / size) }, (_, n) => records.slice(n * size, (n + 1) * size));
}

export async function* streamOf(records: readonly QueueRecord[]): AsyncGenerator<readonly QueueRecord[]> {
  for (const part of partsOf(records, 50)) yield part;
}

export interface TestRestore {
  readonly redis: Redis;
  readonly target: QueueRef;
  readonly from?: QueueRef;
  readonly restoreId?: string;
  readonly rename?: Rename;
  readonly openFlows?: OpenFlows;
  readonly signal?: AbortSignal;
  readonly partSize?: number;
  readonly scratch?: boolean;
}

export function writerOf(options: TestRestore): RecordWriter {
  const { redis, target, from = target, restoreId = 'r-1', rename, openFlows = 'Refuse' } = options;
  const signal = options.signal ?? AbortSignal.timeout(60_000);
  return new RecordWriter(redis, target, { from, restoreId, rename, openFlows, signal });
}

/** As the app does it: begins, writes the parts that are not done, notes each, and puts all in its place. */
export async function restoreAll(records: readonly QueueRecord[], options: TestRestore): Promise<RestoreSummary> {
  const { redis, target, restoreId = 'r-1', partSize = 40, scratch = false } = options;
  const start = await beginRestore(redis, target, restoreId, { scratch });
  if (start.outcome !== 'begun' && start.outcome !== 'continued') throw new Error(JSON.stringify(start));
  const writer = writerOf(options);
  const done = start.outcome === 'continued' ? start.partsDone : 0;
  for (const [at, part] of partsOf(records, partSize).entries()) {
    if (at < done) continue;
    await writer.write(part);
    await writer.noteProgress(at + 1);
  }
  return await writer.finish();
}

/** A client whose process is killed around one of its calls. */
export function killedAfter(redis: Redis, calls: number, when: string): { redis: Redis; wasKilled: () => boolean } {
  let left = calls;
  let killed = false;
  const around = async (call: () => Promise<unknown>): Promise<unknown> => {
    if (killed) throw new Error('killed');
    killed = left-- === 0;
    if (killed && when.startsWith('after')) await call();
    if (killed) throw new Error('killed');
    return await call();
  };
  const client = new Proxy(redis, {
    get: (real, name) => {
      if (name === 'pipeline')
        return (commands: unknown[][]) => ({
          exec: () => around(() => real.pipeline(commands).exec()),
        });
      const member: unknown = Reflect.get(real, name);
      return typeof member !== 'function'
        ? member
        : (...args: unknown[]) => around(async () => (await Reflect.apply(member, real, args)) as unknown);
    },
  });
  return { redis: client, wasKilled: () => killed };
}

/** Everything of a queue but what is of the restore, of clients and of events, by the suffix of its key. */
export async function contentsOf(redis: Redis, ref: QueueRef): Promise<Record<string, unknown>> {
  const base = queueKey(ref, '');
  const found: Record<string, unknown> = {};
  const client: unknown = redis;
  const nodes = client instanceof Cluster ? client.nodes('master') : [redis];
  const keys = await Promise.all(nodes.map((node) => node.keys(`${base}*`)));
  for (const key of keys.flat().toSorted()) {
    const suffix = key.slice(base.length);
    if (/^(?:meta|events|marker|stalled-check|stalled|limiter|restore:.*)$|:lock$/.test(suffix)) continue;
    const type = await redis.type(key);
    if (type === 'hash') {
      const { 'redis-queue:restore': _, ...hash } = await redis.hgetall(key);
      found[suffix] = hash;
    } else if (type === 'list') found[suffix] = await redis.lrange(key, 0, -1);
    else if (type === 'set') found[suffix] = (await redis.smembers(key)).toSorted();
    else if (type === 'zset') found[suffix] = await redis.zrange(key, 0, '-1', 'WITHSCORES');
    else found[suffix] = await redis.get(key);
  }
  return found;
}
