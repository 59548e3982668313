import { ACL_RULES } from '@redis-queue/bullmq';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { openRedis } from '../redis/open-redis.ts';
import { PATIENCE, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
/** What the pod of these tests notes of itself, beside its queues. */
const NOTES = ['~started', '~starts', '~running-at-once', '~beside', '~finished'];

async function worker(rules: string): Promise<string> {
  await bed.redis.call('ACL', 'SETUSER', 'worker', 'reset', 'on', '>pw', ...rules.split(' '), ...NOTES);
  return bed.server.url.replace('redis://', 'redis://worker:pw@');
}

it.each([
  ['a user who may not choose a database', ACL_RULES.worker.replace(' +select', ''), 3, "'select' command"],
  ['a database that does not exist', ACL_RULES.worker, 99, 'DB index is out of range'],
])('with %s a pod takes no job of database 0, is not ready, and says why', async (_, rules, database, why) => {
  const [id] = await bed.add(bed.queues.a, 1, { runMs: 1 });
  const pod = await bed.startPod('pod-0', { REDIS_URL: `${await worker(rules)}/${database}` });
  await pod.process.waitForLine(new RegExp(`${why}.*no job is taken from another database.*"Redis error"`), PATIENCE);
  const ready = async (): Promise<string> => (await pod.get('/readyz').catch(() => undefined))?.body ?? '';
  await eventually(async () => (await ready()).includes(why), PATIENCE);
  expect((await pod.get('/readyz')).status).toBe(503);
  expect(await bed.queues.a.getJobState(id!)).toBe('waiting');

  // Also a connection of a handler's own, and the one that waits for jobs.
  const { host, port } = bed.server;
  const own = openRedis({ host, port, username: 'worker', password: 'pw', db: database, maxRetriesPerRequest: 0 });
  const waiting = own.duplicate();
  for (const connection of [own, waiting]) {
    connection.on('error', () => undefined);
    onTestFinished(() => connection.disconnect());
    await expect(connection.set('bull:a:beside', '1')).rejects.toThrow('max retries');
  }
  expect(await bed.redis.exists('bull:a:beside')).toBe(0);
});

it('with just the ACL of the docs, the jobs of the database that the Secret names are run', async () => {
  const database = new Redis({ port: bed.server.port, db: 3 });
  onTestFinished(() => database.disconnect());
  await bed.redis.acl('LOG', 'RESET');
  const [elsewhere] = await bed.add(bed.queues.a, 1, { runMs: 1 });
  await bed.readyPod('pod-0', { REDIS_URL: `${await worker(ACL_RULES.worker)}/3` });
  await database.hset('bull:a:1', {
    name: 'work',
    data: '{"runMs":1}',
    opts: '{}',
    timestamp: 1,
    delay: 0,
    priority: 0,
  });
  await database.lpush('bull:a:wait', '1');
  await database.zadd('bull:a:marker', 0, '0');
  await eventually(async () => (await database.zcard('bull:a:completed')) === 1, PATIENCE);
  expect(await bed.queues.a.getJobState(elsewhere!)).toBe('waiting');
  expect(await bed.redis.acl('LOG')).toEqual([]);
});
