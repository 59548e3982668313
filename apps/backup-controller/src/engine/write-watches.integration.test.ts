import { eventually, startRedis, type RedisServer } from '@redis-queue/rig';
import { RedisConnections } from '@redis-queue/bullmq';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { WriteWatches } from './write-watches.ts';

const connections = new RedisConnections({ clientName: 'test' });
let server: RedisServer;
let redis: ReturnType<RedisConnections['get']>;
let watches: WriteWatches;
beforeAll(async () => {
  server = await startRedis();
  redis = connections.get({ host: server.host, port: server.port });
});
afterAll(async () => {
  connections.close();
  await server.stop();
});
beforeEach(() => {
  watches = new WriteWatches();
  return () => OBJECTS.forEach(({ uid }) => watches.forget(uid));
});

const OBJECTS = Array.from({ length: 40 }, (_, n) => ({ uid: `uid-${n}`, namespace: `shop-${Math.floor(n / 5)}` }));
const { signal } = new AbortController();
const [BACKUP] = OBJECTS as [(typeof OBJECTS)[number]];
const queue = (name: string) => ({
  name,
  ref: { prefix: 'bull', name },
  target: { host: server.host, port: server.port },
});

async function watchesOfServer(): Promise<number> {
  return ((await redis.client('LIST')) as string).split('name=redis-queue-backup:writes').length - 1;
}

/** Takes a point of one queue. @returns whether the job would be looked at. */
async function takes(previous: string | undefined, manifest: string, object = BACKUP): Promise<boolean> {
  const writes = (await watches.begin(object, [queue('emails')], previous, signal)).get('emails');
  const looks = !writes || !(await writes.settle()) || writes.has('1');
  watches.finish(object.uid, manifest);
  return looks;
}

it('spares the look at a job that nobody has written since the point before', async () => {
  expect(await takes(undefined, 'first')).toBe(true);
  expect(await takes('first', 'second')).toBe(false);
  await redis.hset('bull:emails:1', 'data', '{}');
  expect(await takes('second', 'third')).toBe(true);
  expect(await takes('third', 'fourth')).toBe(false);
});

it('looks at all after a point that it has not seen', async () => {
  await takes(undefined, 'first');
  expect(await takes('of another process', 'second')).toBe(true);
});

it('looks at what was written before a point that failed', async () => {
  await takes(undefined, 'first');
  await redis.hset('bull:emails:1', 'data', '{"n":1}');
  await watches.begin(BACKUP, [queue('emails')], 'first', signal);
  expect(await takes('first', 'second')).toBe(true);
});

it('looks at all now and then', async () => {
  const looked: boolean[] = [];
  // oxlint-disable-next-line no-await-in-loop
  for (let n = 0; n < 45; n++) looked.push(await takes(n === 0 ? undefined : `${n - 1}`, `${n}`));
  expect(looked.flatMap((each, n) => (each ? [n] : []))).toEqual([0, 19, 39]);
});

it('looks at all when its connection is lost while a point is taken, and once more after it', async () => {
  await takes(undefined, 'first');
  const writes = (await watches.begin(BACKUP, [queue('emails')], 'first', signal)).get('emails');
  await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  expect(await writes?.settle()).toBe(false);
  watches.finish(BACKUP.uid, 'second');
  // Opened again, it has heard nothing of the time before.
  expect(await takes('second', 'third')).toBe(true);
  expect(await takes('third', 'fourth')).toBe(false);
});

it('looks at all when its connection was lost between two points, whether it has noticed or not', async () => {
  await takes(undefined, 'first');
  await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
  expect(await takes('first', 'second')).toBe(true);
  // Here it is opened again at the latest.
  await takes('second', 'third');
  expect(await takes('third', 'fourth')).toBe(false);
  await redis.hset('bull:emails:1', 'data', '{}');
  expect(await takes('fourth', 'fifth')).toBe(true);
});

it('has few connections for a namespace, and closes those of what is gone', async () => {
  // oxlint-disable-next-line no-await-in-loop
  for (const object of OBJECTS) await takes(undefined, 'first', object);
  expect(watches.size).toBe(32);
  expect(await watchesOfServer()).toBe(32);
  for (const { uid } of OBJECTS) watches.forget(uid);
  await eventually(async () => (await watchesOfServer()) === 0, { description: 'no connection' });
});

it('opens no connection for what goes away meanwhile', async () => {
  const deleted = new AbortController();
  const began = watches.begin(BACKUP, [queue('emails')], undefined, deleted.signal);
  deleted.abort(new Error('the object is gone'));
  watches.forget(BACKUP.uid);
  await expect(began).rejects.toThrow('the object is gone');
  expect(watches.size).toBe(0);
  await eventually(async () => (await watchesOfServer()) === 0, { description: 'no connection' });
  await expect(watches.begin(BACKUP, [queue('emails')], undefined, deleted.signal)).rejects.toThrow('is gone');
  expect(watches.size).toBe(0);
});
