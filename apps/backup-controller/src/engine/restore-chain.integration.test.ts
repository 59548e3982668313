import { pathToFileURL } from 'node:url';
import {
  BackupWriter,
  openBackup,
  openStorage,
  parseStorageUrl,
  type OpenBackup,
  type Storage,
} from '@redis-queue/backup';
import {
  completeRestore,
  readRestorePhase,
  RESTORE_FIELD,
  RestoreIncompleteError,
  RestoreLostError,
  snapshotQueue,
  WouldRun,
  type QueueRecord,
  type QueueRef,
} from '@redis-queue/bullmq';
import { startRedis, temporaryFolder, type RedisServer } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { withRedis, type Redis, type RunRedis } from '../access/redis.ts';
import { checkQueue, sourceOf } from './check-queue.ts';
import { compareQueue } from './compare-queue.ts';
import { abandonQueues, resumeQueues } from './end-restore.ts';
import { fillQueue, placeQueue } from './fill-queue.ts';
import { fillAll } from './run-restore.ts';
import { lookAtTargets, takeTargets } from './take-targets.ts';
import type { QueueMove } from './moves.ts';

const SIGNAL = AbortSignal.timeout(60_000);
/** Restores that are killed side by side, each at a call of its own. */
const AT_ONCE = 8;
const SOURCE: QueueRef = { prefix: 'bull', name: 'source' };

let server: RedisServer;
let queue: Queue;
let storage: Storage;
let backup: OpenBackup;
beforeAll(async () => {
  server = await startRedis();
  queue = new Queue(SOURCE.name, { connection: { host: server.host, port: server.port } });
  storage = await openStorage(parseStorageUrl(pathToFileURL(temporaryFolder('chain')).href), {});
  backup = await writeChain();
}, 30_000);
afterAll(async () => {
  await queue.close();
  await server[Symbol.asyncDispose]();
});

/** A chain of five points of a queue whose jobs change, go and come; opened at the newest. */
async function writeChain(): Promise<OpenBackup> {
  const changes: (() => Promise<unknown>)[] = [
    () => queue.addBulk(Array.from({ length: 90 }, (_, n) => ({ name: 'j', data: { n }, opts: { jobId: `j${n}` } }))),
    async () => {
      for (let n = 0; n < 90; n += 4) await (await queue.getJob(`j${n}`))!.updateData({ n, changed: 1 });
      await queue.add('later', {}, { jobId: 'later', delay: 3_600_000 });
    },
    async () => {
      for (let n = 1; n < 90; n += 10) await queue.remove(`j${n}`);
      await queue.add('again', { again: true }, { jobId: 'j1' });
    },
    async () => {
      for (let n = 2; n < 90; n += 10) await (await queue.getJob(`j${n}`))!.changePriority({ priority: n });
      for (let n = 0; n < 90; n += 8) await (await queue.getJob(`j${n}`))!.log('seen');
    },
    () => queue.addBulk(Array.from({ length: 20 }, (_, n) => ({ name: 'more', data: { n } }))),
  ];
  let before = new Map<string, string>();
  let previous: { directory: string; backupId: string; manifestSha256: string } | undefined;
  for (const [point, change] of changes.entries()) {
    await change();
    const directory = `00000${point}-a`;
    const backupId = `b${point}`;
    const writer = await BackupWriter.create(storage, {
      directory: `c00001/${directory}`,
      backupId,
      ...(previous && { previous }),
      createdAt: new Date(),
      about: {},
      signal: SIGNAL,
      partBytes: 2_048,
    });
    const written = writer.queue('source');
    const now = new Map<string, string>();
    for (const records of await snapshot()) {
      for (const record of records) if (record.kind === 'job') now.set(record.id, JSON.stringify(record));
      await written.write(
        records.filter((record) => record.kind !== 'job' || now.get(record.id) !== before.get(record.id)),
      );
    }
    await written.close();
    const { sha256 } = await writer.finish();
    previous = { directory, backupId, manifestSha256: sha256 };
    before = now;
  }
  return await openBackup(storage, `c00001/${previous!.directory}`, { signal: SIGNAL });
}

async function snapshot(): Promise<(readonly QueueRecord[])[]> {
  return await inRedis(async ({ redis }) => {
    const all: (readonly QueueRecord[])[] = [];
    for await (const records of snapshotQueue(redis, SOURCE, { signal: SIGNAL })) all.push(records);
    return all;
  });
}

function inRedis<T>(call: (access: RunRedis) => Promise<T>): Promise<T> {
  return withRedis({ host: server.host, port: server.port }, SIGNAL, call);
}

async function moveTo(name: string): Promise<QueueMove> {
  const ref = { prefix: 'bull', name };
  const target = { host: server.host, port: server.port };
  return { name: 'source', queue: name, ref, target, ...(await sourceOf(backup, 'source')), rename: () => undefined };
}

const OPTIONS = {
  restoreId: 'r-1',
  openFlows: 'Refuse',
  signal: SIGNAL,
  report: () => undefined,
  assertLeading: () => undefined,
  queuesDone: 0,
  keepsPaused: () => false,
  sleep: () => Promise.resolve(),
} as const;

/** What workers would find, and every job. */
async function contentsOf(redis: Redis, name: string): Promise<object> {
  const key = (suffix: string): string => `bull:${name}:${suffix}`;
  const ids = [
    await redis.lrange(key('wait'), 0, -1),
    await redis.zrange(key('delayed'), 0, '-1', 'WITHSCORES'),
    await redis.zrange(key('prioritized'), 0, '-1', 'WITHSCORES'),
  ];
  const jobs = ids.flat().filter((id) => /\D|^\d{1,2}$/.test(id));
  const read = async (id: string) => [id, await redis.hgetall(key(id)), await redis.lrange(key(`${id}:logs`), 0, -1)];
  return { ids, jobs: await Promise.all(jobs.map(read)) };
}

/** The Redis of a process that is killed around one of its calls. */
function killedAt(access: RunRedis, calls: number): { access: RunRedis; wasKilled: () => boolean } {
  let left = calls;
  let killed = false;
  const around = async (call: () => Promise<unknown>): Promise<unknown> => {
    if (killed) throw new Error('killed');
    killed = left === 0;
    left -= 1;
    // Every other one dies before it has its answer, with the call done.
    if (killed && calls % 2 === 0) await call();
    if (killed) throw new Error('killed');
    return await call();
  };
  const redis = new Proxy(access.redis, {
    get: (client, name) => {
      if (name === 'pipeline')
        return (commands: unknown[][]) => ({ exec: () => around(() => client.pipeline(commands).exec()) });
      const member: unknown = Reflect.get(client, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => around(async () => (await Reflect.apply(member, client, args)) as unknown);
    },
  });
  return { access: { ...access, redis }, wasKilled: () => killed };
}

/** Delayed jobs get their places when all is compared. */
const hold = async ({ redis }: RunRedis, { ref }: QueueMove): Promise<unknown> =>
  await completeRestore(redis, ref, OPTIONS.restoreId, { resume: false });

it('a restore of an increment has each job once, as it was last, and is what the queue was', async () => {
  const { jobs } = await checkQueue(backup, await moveTo('whole'), [new WouldRun(Date.now())], {
    signal: SIGNAL,
    onProgress: () => undefined,
  });
  expect(jobs).toBe(90 - 9 + 1 + 1 + 20);
  await inRedis(async (access) => {
    const move = await moveTo('whole');
    await fillQueue(backup, move, access, OPTIONS);
    expect(await placeQueue(move, access, OPTIONS)).toEqual({ restored: jobs });
    expect(await compareQueue(backup, move, access, OPTIONS)).toEqual([]);
    await hold(access, move);
    expect(await contentsOf(access.redis, 'whole')).toEqual(await contentsOf(access.redis, 'source'));
  });
});

it('a restore of an increment that is killed at any call goes on where it was, and doubles no job', async () => {
  await inRedis(async (access) => {
    const expected = await contentsOf(access.redis, 'source');
    const wentOnAt = new Set<string>();
    const killAndGoOn = async (calls: number): Promise<boolean> => {
      const move = await moveTo(`killed-${calls}`);
      const dying = killedAt(access, calls);
      const restore = async (redis: typeof access): Promise<void> => {
        await fillQueue(backup, move, redis, OPTIONS);
        await placeQueue(move, redis, OPTIONS);
      };
      const reason = await restore(dying.access).then(() => 'none', String);
      if (!dying.wasKilled()) return false;
      wentOnAt.add(`${reason} ${await access.redis.hget(`bull:${move.ref.name}:restore:state`, 'parts')}`);
      await restore(access);
      await hold(access, move);
      expect(await contentsOf(access.redis, move.ref.name), `killed at call ${calls}`).toEqual(expected);
      return true;
    };
    let killed = 0;
    for (let calls = 0, all = true; all; calls += AT_ONCE) {
      const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => killAndGoOn(calls + at)));
      killed += outcomes.filter(Boolean).length;
      all = outcomes.every(Boolean);
    }
    expect(killed).toBeGreaterThan(20);
    // Some of them went on among the jobs of the points.
    expect(wentOnAt.size).toBeGreaterThan(8);
    expect([...wentOnAt].filter((each) => !each.includes('killed'))).toEqual([]);
  });
}, 60_000);

it('a restore of several queues puts nothing in its place before all of them are written, so that it is undone', async () => {
  const moves = [await moveTo('several-a'), await moveTo('several-b')];
  await inRedis(async ({ redis }) => {
    // Somebody removes the second one just before the end.
    const onPart = async (move: QueueMove): Promise<void> => {
      if (move.queue === 'several-b') await redis.del('bull:several-b:meta');
    };
    await takeTargets(moves, OPTIONS);
    expect(await readRestorePhase(redis, moves[1]!.ref, 'r-1')).toBe('filling');
    await expect(fillAll({ backup, moves }, { ...OPTIONS, onPart })).rejects.toThrow(RestoreLostError);
    expect(await readRestorePhase(redis, moves[0]!.ref, 'r-1')).toBe('filling');
    expect(await abandonQueues(moves, OPTIONS)).toEqual({ left: [] });
    expect((await redis.keys('bull:several-a:*')).filter((key) => /:(?:wait|paused|restore.*|\d+)$/.test(key))).toEqual(
      [],
    );
  });
});

it('a queue that is not empty keeps a restore from all the others, and is named, dead letters as such', async () => {
  const free = await moveTo('alone');
  const full = { ...(await moveTo('letters')), queue: 'emails', isDeadLetters: true, ref: SOURCE };
  await inRedis(async ({ redis }) => {
    for (const call of [lookAtTargets, takeTargets])
      await expect(call([full, free], OPTIONS)).rejects.toThrow(
        /^the dead-letter queue of Queue emails is not empty: it has \d+ .*, or set spec.deadLetters to false$/,
      );
    expect(await redis.exists('bull:alone:meta')).toBe(0);
    await takeTargets([free], OPTIONS);
    await expect(lookAtTargets([free], { ...OPTIONS, restoreId: 'r-2' })).rejects.toThrow(
      'annotate Queue alone with redis-queue.io/end-restore=r-1',
    );
    await lookAtTargets([free], OPTIONS);
  });
});

it('a queue is resumed unless its Queue wants it paused by now, and none before all have what was verified', async () => {
  const moves = [await moveTo('resumed-a'), await moveTo('resumed-b')];
  const fence = { ...OPTIONS, keepsPaused: (name: string) => name === 'resumed-b' };
  await inRedis(async ({ redis }) => {
    const mark = (at: number) => redis.hget(`bull:${moves[at]!.ref.name}:meta`, RESTORE_FIELD);
    const isPaused = (at: number) => redis.hexists(`bull:${moves[at]!.ref.name}:meta`, 'paused');
    await takeTargets(moves, OPTIONS);
    await fillAll({ backup, moves: [moves[0]!] }, OPTIONS);
    await expect(resumeQueues(moves, fence)).rejects.toThrow(RestoreIncompleteError);
    expect([await mark(0), await isPaused(0)]).toEqual([expect.stringContaining('placed'), 1]);
    await fillAll({ backup, moves }, OPTIONS);
    expect(await resumeQueues(moves, fence)).toEqual({ stayPaused: ['resumed-b'] });
    expect([await mark(0), await isPaused(0), await mark(1), await isPaused(1)]).toEqual([null, 0, null, 1]);
  });
});
