import { Cluster, type Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import type { IndexEntry, QueueRecord, State } from '../snapshot/records.ts';
import type { TestRedis } from '../test-redis.ts';
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

/** What a backup has of a queue that nothing changes meanwhile, in records of few entries. */
export async function recordsOf(redis: Redis, ref: QueueRef): Promise<QueueRecord[]> {
  const key = (suffix: string): string => queueKey(ref, suffix);
  const [[seconds, micros], meta, lastId, priorityCounter] = await Promise.all([
    redis.time(),
    redis.hgetall(key('meta')),
    redis.get(key('id')),
    redis.get(key('pc')),
  ]);
  const snapshotAt = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  const lists: [State, string[]][] = [
    [
      'waiting',
      [
        ...(await redis.lrange(key('paused'), 0, -1)).toReversed(),
        ...(await redis.lrange(key('wait'), 0, -1)).toReversed(),
      ],
    ],
    ['active', (await redis.lrange(key('active'), 0, -1)).toReversed()],
  ];
  const states: [State, IndexEntry[]][] = lists.map(([state, ids]) => [state, ids.map((id): IndexEntry => [id])]);
  for (const state of ['delayed', 'prioritized', 'waiting-children', 'completed', 'failed'] as const) {
    const flat = await redis.zrange(key(state), 0, '-1', 'WITHSCORES');
    states.push([state, flat.flatMap((id, at): IndexEntry[] => (at % 2 === 0 ? [[id, flat[at + 1]!]] : []))]);
  }
  const records: QueueRecord[] = [
    {
      kind: 'queue',
      ...ref,
      meta,
      snapshotAt,
      consistent: true,
      ...(lastId !== null && { lastId }),
      ...(priorityCounter !== null && { priorityCounter }),
    },
  ];
  const ids = states.flatMap(([, entries]) => entries.map(([id]) => id));
  for (const [state, entries] of states)
    for (let from = 0; from < entries.length; from += 7)
      records.push({ kind: 'index', state, entries: entries.slice(from, from + 7) });
  for (const id of ids) records.push(await jobOf(redis, key(id), id));
  const schedulers = await redis.zrange(key('repeat'), 0, '-1', 'WITHSCORES');
  for (let at = 0; at < schedulers.length; at += 2) {
    const id = schedulers[at]!;
    records.push({
      kind: 'scheduler',
      id,
      nextMs: Number(schedulers[at + 1]),
      hash: await redis.hgetall(key(`repeat:${id}`)),
    });
  }
  for (const name of await redis.keys(key('de:*'))) {
    const [jobId, ttlMs] = [await redis.get(name), await redis.pttl(name)];
    const id = name.slice(key('de:').length);
    const next = await redis.hgetall(key(`dn:${id}`));
    records.push({
      kind: 'deduplication',
      id,
      jobId: jobId!,
      ...(ttlMs >= 0 && { ttlMs }),
      ...(Object.keys(next).length > 0 && { next }),
    });
  }
  const counts = Object.fromEntries(states.map(([state, entries]) => [state, entries.length])) as Record<State, number>;
  records.push({ kind: 'end', jobs: ids.length, counts, gone: 0 });
  return records;
}

async function jobOf(redis: Redis, key: string, id: string): Promise<QueueRecord> {
  const [hash, logs, dependencies, processed, failed, unsuccessful] = await Promise.all([
    redis.hgetall(key),
    redis.lrange(`${key}:logs`, 0, -1),
    redis.smembers(`${key}:dependencies`),
    redis.hgetall(`${key}:processed`),
    redis.hgetall(`${key}:failed`),
    redis.zrange(`${key}:unsuccessful`, 0, '-1', 'WITHSCORES'),
  ]);
  return {
    kind: 'job',
    id,
    hash,
    ...(logs.length > 0 && { logs }),
    ...(dependencies.length > 0 && { dependencies }),
    ...(Object.keys(processed).length > 0 && { processed }),
    ...(Object.keys(failed).length > 0 && { failed }),
    ...(unsuccessful.length > 0 && {
      unsuccessful: unsuccessful.flatMap((child, at): [string, number][] =>
        at % 2 === 0 ? [[child, Number(unsuccessful[at + 1])]] : [],
      ),
    }),
  };
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
}

export function writerOf(options: TestRestore): RecordWriter {
  const { redis, target, from = target, restoreId = 'r-1', rename, openFlows = 'Refuse' } = options;
  const signal = options.signal ?? AbortSignal.timeout(60_000);
  return new RecordWriter(redis, target, { from, restoreId, rename, openFlows, signal });
}

/** As the app does it: begins, writes the parts that are not done, notes each, and puts all in its place. */
export async function restoreAll(records: readonly QueueRecord[], options: TestRestore): Promise<RestoreSummary> {
  const { redis, target, restoreId = 'r-1', partSize = 40 } = options;
  const start = await beginRestore(redis, target, restoreId);
  if (start.outcome === 'occupied') throw new Error(`occupied by ${start.by}`);
  const writer = writerOf(options);
  const done = start.outcome === 'continued' ? start.partsDone : 0;
  for (const [at, part] of partsOf(records, partSize).entries()) {
    if (at < done) continue;
    await writer.write(part);
    await writer.noteProgress(at + 1);
  }
  return await writer.finish();
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
