import { openBackup, openStorage, type Storage } from '@redis-queue/backup';
import { RESTORE_FIELD } from '@redis-queue/bullmq';
import { startRedis, temporaryFolder, type RedisServer } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withRedis, type Redis } from '../access/redis.ts';
import { PostponedError, RunFailure } from '../runs/failure.ts';
import { DigestMemory } from './digest-memory.ts';
import type { QueueSource } from './read-queue.ts';
import { takePoint, type NextPoint, type PointResult } from './take-point.ts';
import { writeBackup, type BackupResult, type WriteOptions } from './write-backup.ts';
import { WriteWatches } from './write-watches.ts';

// Real jobs of BullMQ, a Redis and a volume: of several queues, some can be read and others not.

const signal = AbortSignal.timeout(300_000);
let server: RedisServer;
let storage: Storage;
const queues: Queue[] = [];
beforeAll(async () => {
  server = await startRedis();
  storage = await openStorage({ volume: { root: temporaryFolder('left-out'), path: 'shop' } }, {}, {});
});
afterAll(async () => {
  await Promise.all(queues.map((queue) => queue.close()));
  storage?.close();
  await server?.stop();
});

function producer(name: string): Queue {
  const queue = new Queue(name, { connection: { host: server.host, port: server.port } });
  queues.push(queue);
  return queue;
}
const source = (name: string, more: Partial<QueueSource> = {}): QueueSource => {
  const { host, port } = server;
  return { name, ref: { prefix: 'bull', name }, target: { host, port }, governor: `shop/${name}`, ...more };
};
const letters = (name: string): QueueSource =>
  source(`${name}_dlq`, { ref: { prefix: 'bull', name: `${name}-dlq` }, governor: `shop/${name}` });
const inRedis = <T>(call: (redis: Redis) => Promise<T>): Promise<T> =>
  withRedis(source('any').target, signal, ({ redis }) => call(redis));
const some = (count: number) => Array.from({ length: count }, (_, n) => ({ name: 'j', data: { n } }));

/** A queue that a restore fills. */
async function held(name: string): Promise<void> {
  await producer(name).addBulk(some(3));
  await hold(name);
}
const hold = (name: string) => inRedis((redis) => redis.hset(`bull:${name}:meta`, RESTORE_FIELD, 'r-1 w-1 filling'));
const release = (name: string) => inRedis((redis) => redis.hdel(`bull:${name}:meta`, RESTORE_FIELD));

let backups = 0;
const common = (): Omit<WriteOptions, 'directory' | 'queues'> => ({
  storage,
  backupId: `b-${backups}`,
  createdAt: new Date(),
  about: { name: 'nightly' },
  assertLeading: () => undefined,
  report: () => undefined,
  signal,
});
const write = (...of: QueueSource[]): Promise<BackupResult> =>
  writeBackup({ ...common(), directory: `full-${++backups}`, queues: of });
const leftOut = ({ leftOut: left }: BackupResult): string[] => left.map(({ name, reason }) => `${name} ${reason}`);
const jobsOf = ({ queues: read }: Pick<BackupResult, 'queues'>): Record<string, number> =>
  Object.fromEntries(read.map(({ name, total }) => [name, total]));

const deposed = (): void => {
  throw new Error('not leading');
};

describe.concurrent('a backup of several queues', () => {
  it('has those that can be read, and names the others, in its manifest too', async () => {
    await producer('a-good').addBulk(some(5));
    await held('a-held');
    await inRedis((redis) => redis.set('bull:a-typed:wait', 'no list'));
    const nowhere = source('a-nowhere', { target: { host: server.host, port: 1 } });
    await producer('a-last').addBulk(some(2));
    const result = await write(
      source('a-held'),
      source('a-typed'),
      nowhere,
      source('a-good'),
      letters('a-good'),
      source('a-last'),
    );
    expect(jobsOf(result)).toEqual({ 'a-good': 5, 'a-good_dlq': 0, 'a-last': 2 });
    expect(leftOut(result)).toEqual(['a-held QueueRestoring', 'a-nowhere RedisUnreachable', 'a-typed QueueUnreadable']);
    const { manifest } = await openBackup(storage, result.directory, { signal });
    expect(manifest.queues.map(({ name }) => name)).toEqual(['a-good', 'a-good_dlq', 'a-last']);
    expect(manifest.about).toEqual({ name: 'nightly', leftOut: result.leftOut });
  }, 120_000);

  it('has nothing of one that turns out to be unreadable in its midst, and can be verified', async () => {
    await producer('b-good').addBulk(some(5));
    const data = Array.from({ length: 500 }, (_, n) => ({ n, text: randomBytes(12_000).toString('base64') }));
    const queue = producer('b-bad');
    await queue.addBulk(data.map((each) => ({ name: 'j', data: each })));
    const [last] = await queue.getWaiting(499, 499);
    await inRedis(
      async (redis) => await redis.multi().del(`bull:b-bad:${last!.id}`).set(`bull:b-bad:${last!.id}`, 'x').exec(),
    );
    const result = await write(source('b-bad'), letters('b-bad'), source('b-good'));
    expect(jobsOf(result)).toEqual({ 'b-bad_dlq': 0, 'b-good': 5 });
    expect(leftOut(result)).toEqual(['b-bad QueueUnreadable']);
    const backup = await openBackup(storage, result.directory, { signal });
    expect(await backup.verify()).toMatchObject({ parts: 2 });
  }, 120_000);

  it('has a queue whose dead letters cannot be read', async () => {
    await producer('c').addBulk(some(4));
    await inRedis((redis) => redis.set('bull:c-dlq:wait', 'no list'));
    const result = await write(source('c'), letters('c'));
    expect([jobsOf(result), leftOut(result)]).toEqual([{ c: 4 }, ['c_dlq QueueUnreadable']]);
  });

  it('of which none can be read fails by the first', async () => {
    await held('d-1');
    await held('d-2');
    await producer('d-2-dlq').addBulk(some(1));
    await expect(write(source('d-1'), source('d-2'), letters('d-2'))).rejects.toThrow('queue d-1 is being filled');
    await inRedis((redis) => redis.set('bull:d-3:wait', 'no list'));
    await expect(write(source('d-3'))).rejects.toThrow('bull:d-3:wait');
    const unresolved = [{ name: 'd-4', reason: 'SecretNotFound' as const, message: 'no Secret' }];
    const options = { ...common(), directory: `full-${++backups}`, queues: [source('d-3')], unresolved };
    await expect(writeBackup(options)).rejects.toThrow(RunFailure);
  });

  it('waits for one that may be readable soon, where it is to, and reads one in the end that has become so', async () => {
    await producer('e-good').addBulk(some(5));
    await held('e-held');
    const unresolved = [{ name: 'e-none', reason: 'SecretNotFound' as const, message: 'no Secret' }];
    const options = { ...common(), queues: [source('e-good'), source('e-held')], unresolved };
    const waiting = writeBackup({ ...options, directory: `full-${++backups}`, waits: true });
    await expect(waiting).rejects.toThrow(PostponedError);
    await expect(waiting).rejects.toThrow('backed up without e-none');
    // The restore ends while the other queue is read.
    const report = ({ jobs }: { jobs: number }): void => void (jobs === 5 && (released ??= release('e-held')));
    let released: Promise<unknown> | undefined;
    const result = await writeBackup({ ...options, directory: `full-${++backups}`, report });
    expect([jobsOf(result), leftOut(result)]).toEqual([{ 'e-good': 5, 'e-held': 3 }, ['e-none SecretNotFound']]);
  });

  it('fails whole when its storage does, or when another leads', async () => {
    await producer('f').addBulk(some(5));
    const options = { ...common(), directory: `full-${++backups}`, queues: [source('f'), letters('f'), source('f-2')] };
    await expect(writeBackup({ ...options, assertLeading: deposed })).rejects.toThrow('not leading');
    const full: Storage = {
      ...storage,
      location: 'nowhere',
      list: (...of) => storage.list(...of),
      put: () => Promise.reject(new Error('no room')),
    };
    await expect(writeBackup({ ...options, storage: full })).rejects.toThrow('no room');
  });

  it('begins with no dead letters after what has ended all of it', async () => {
    await producer('g').addBulk(some(5));
    const begun = new Set<string>();
    const report: WriteOptions['report'] = ({ queue }) => void begun.add(queue);
    const options = { ...common(), directory: `full-${++backups}`, queues: [source('g'), letters('g')], report };
    await expect(writeBackup({ ...options, assertLeading: deposed })).rejects.toThrow('not leading');
    expect([...begun]).toEqual(['g']);
  });
});

const after = ({ chain, point, directory, manifestSha256 }: PointResult): NextPoint => ({
  chain,
  point: point + 1,
  previous: { directory, manifestSha256 },
});
const changedOf = ({ queues: read }: PointResult) =>
  Object.fromEntries(read.map(({ name, changed }) => [name, changed]));

describe('a point', () => {
  const digests = new DigestMemory({ mostBytes: 1_000_000 });
  const writes = new WriteWatches();
  afterAll(() => writes.forget('u-1'));
  const take = (next: NextPoint, memory: DigestMemory, ...of: QueueSource[]): Promise<PointResult> =>
    takePoint({
      ...common(),
      base: 'always/',
      attempt: `a-${++backups}`,
      uid: 'u-1',
      namespace: 'shop',
      next,
      digests: memory,
      writes,
      queues: of,
    });

  it.each([
    ['what is known is in memory', () => digests],
    ['what is known is read back', () => new DigestMemory({ mostBytes: 1_000_000 })],
  ])('without a queue has it whole once it can be read again: %s', async (what, memory) => {
    const [good, gap] = what.includes('memory') ? ['p-good', 'p-gap'] : ['r-good', 'r-gap'];
    const of = [source(good), source(gap)];
    await producer(good).addBulk(some(4));
    const queue = producer(gap);
    await queue.addBulk(some(6));
    const points = [await take({ chain: 1, point: 0 }, memory(), ...of)];
    const next = async () => {
      points.push(await take(after(points.at(-1)!), memory(), ...of));
      return points.at(-1)!;
    };
    expect(changedOf(await next())).toEqual({ [good]: 0, [gap]: 0 });
    await hold(gap);
    const [changed] = await queue.getWaiting();
    await changed!.updateData({ n: 'while it is left out' });
    const without = await next();
    expect([changedOf(without), leftOut(without)]).toEqual([{ [good]: 0 }, [`${gap} QueueRestoring`]]);
    await queue.add('j', { n: 'after' });
    await next();
    await release(gap);
    const whole = await next();
    expect([changedOf(whole), leftOut(whole)]).toEqual([{ [good]: 0, [gap]: 7 }, []]);
    expect(changedOf(await next())).toEqual({ [good]: 0, [gap]: 0 });
    const { manifest } = await openBackup(storage, points.at(-1)!.directory, { signal });
    const backup = await openBackup(storage, points.at(-1)!.directory, { signal });
    expect(manifest.queues).toHaveLength(2);
    const found: unknown[] = [];
    for await (const { records } of backup.records(gap))
      for (const { kind, hash } of records)
        if (kind === 'job') found.push((JSON.parse((hash as { data: string }).data) as { n: unknown }).n);
    expect(found.map(String).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      'after',
      'while it is left out',
    ]);
  });

  it('knows nothing of the jobs of a queue that turned out to be unreadable in its midst', async () => {
    const of = [source('m-good'), source('m-bad')];
    await producer('m-good').addBulk(some(2));
    const queue = producer('m-bad');
    await queue.addBulk(some(300));
    const [last] = await queue.getWaiting(299, 299);
    const key = `bull:m-bad:${last!.id}`;
    await inRedis((redis) => redis.rename(key, 'm-aside'));
    await inRedis((redis) => redis.set(key, 'x'));
    const full = await take({ chain: 7, point: 0 }, digests, ...of);
    expect(leftOut(full)).toEqual(['m-bad QueueUnreadable']);
    await inRedis((redis) => redis.rename('m-aside', key));
    expect(changedOf(await take(after(full), digests, ...of))).toEqual({ 'm-good': 0, 'm-bad': 300 });
  });
});
