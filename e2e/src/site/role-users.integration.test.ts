import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, startRedis, workspaceRoot, type RedisServer } from '@redis-queue/rig';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { planBurst } from '../ledger/plan.ts';
import { createProducer } from '../ledger/producer.ts';
import { newPasswords, ROLE_SECRETS, SECRETS_OF_CHARTS, type RoleUser } from './role-users.ts';
import { createUsers } from './site.ts';

let server: RedisServer;
let admin: Redis;
const passwords = newPasswords();
const stack = new DisposableStack();

beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
  await createUsers(admin, passwords);
});
afterAll(async () => {
  stack.dispose();
  admin?.disconnect();
  await server?.stop();
});

const urlOf = (user: RoleUser): string => server.url.replace('redis://', `redis://${user}:${passwords[user]}@`);
function connect(user: RoleUser): Redis {
  const redis = new Redis(urlOf(user), { maxRetriesPerRequest: null });
  stack.defer(() => redis.disconnect());
  return redis;
}

const example = (name: string): string => readFileSync(join(workspaceRoot, 'examples/redis-users', name), 'utf8');

it('the ledger of demo and tests needs no more than the users of producer and worker have', async () => {
  const producer = createProducer(urlOf('producer'), 'emails');
  stack.defer(() => producer.close());
  const redis = connect('worker');
  const sizes = { plain: 4, bulk: 4, prioritized: 2, delayed: 2, lifo: 1, retried: 0, failing: 0 };
  await producer.add(planBurst('run', { ...sizes, flows: 1, scheduled: 1, meanSendMs: 1 }, Math.random));
  await admin.acl('LOG', 'RESET');
  const worker = new Worker(
    'emails',
    async (job) => {
      await redis.hincrby('ledger:run:starts', job.id!, 1);
      await redis.hincrby('ledger:run:effects', job.id!, 1);
    },
    { connection: redis },
  );
  stack.defer(() => void worker.close(true));
  await eventually(async () => {
    const { added, ended } = await producer.ended();
    return added > 0 && ended >= added;
  });
  await producer.waitP95Ms();
  await producer.depth();
  expect(await producer.balance()).toMatchObject({ failed: 0 });
  expect(await admin.acl('LOG')).toEqual([]);
});

it.each(['worker', 'producer', 'sampler', 'queue-controller'] as const)('%s cannot reach the bus', async (user) => {
  const redis = connect(user);
  await expect(redis.hgetall('redis-queue:scaling-decisions:meta')).rejects.toThrow(/NOPERM/);
  await expect(redis.lpush('redis-queue:scaling-decisions:wait', '1')).rejects.toThrow(/NOPERM/);
});

it('the autoscaler reads queues and changes none, and on the bus it reaches no queue', async () => {
  await expect(connect('sampler').hset('bull:emails:meta', 'paused', '1')).rejects.toThrow(/NOPERM/);
  await expect(connect('bus').hgetall('bull:emails:meta')).rejects.toThrow(/NOPERM/);
});

it('the examples name the Secrets that demo and tests make, and the values permit them to the same charts', () => {
  for (const [name, user] of Object.entries(ROLE_SECRETS)) {
    expect(example('secrets.yaml')).toMatch(new RegExp(`name: ${name}\\b.*\\n.*redis-username: ${user},`));
  }
  for (const [chart, names] of Object.entries(SECRETS_OF_CHARTS)) {
    expect(example('values.yaml')).toContain(`${chart}:\n  redis:\n    secretNames: [${names.join(', ')}]`);
    for (const name of names) expect(example('queue.yaml')).toContain(`{ name: ${name} }`);
  }
});
