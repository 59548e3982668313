import { once } from 'node:events';
import { connect } from 'node:net';
import { ACL_RULES } from '@redis-queue/bullmq';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { expect, it } from 'vitest';
import { TestAutoscaler } from '../testing/autoscaler.ts';
import { aPool } from '../testing/objects.ts';

const PATIENCE = { timeoutMs: 60_000 };

it('tells who speaks to Redis, of a pool that wants stuck pods replaced and of no other; or which right is missing', async () => {
  await using stack = new AsyncDisposableStack();
  const scaler = stack.use(await TestAutoscaler.start());
  const admin = new Redis(scaler.redis.url);
  stack.defer(() => admin.disconnect());
  await admin.config('SET', 'protected-mode', 'no');
  // A pod, as Redis sees one.
  const pod = connect({ port: scaler.redis.port, host: '127.0.0.1', localAddress: '127.0.0.7' });
  stack.defer(() => void pod.destroy());
  pod.write('PING\r\n');
  const [answer] = (await once(pod, 'data')) as [Buffer];
  expect(answer.toString()).toBe('+PONG\r\n');
  for (const name of ['asks', 'other']) {
    const pool = aPool(name, [name], { minReplicas: 1 });
    scaler.add({ ...pool, spec: { ...pool.spec, ...(name === 'asks' && { replaceStuck: true }) } }, 1);
    scaler.setStatus(name, { readyReplicas: 1 });
  }
  await scaler.run({ clients: { readEveryMs: 200 } });
  const clients = await eventually(() => scaler.of('asks').findLast((decision) => decision.clients)?.clients, PATIENCE);
  expect(clients).toMatchObject({ idleSeconds: { '127.0.0.7': expect.any(Number) as number } });
  await eventually(() => scaler.of('other').at(-1), PATIENCE);
  expect(scaler.of('other').filter((decision) => decision.clients)).toEqual([]);

  const user = ['sampler', 'reset', 'on', '>pw', 'resetchannels', ...ACL_RULES.reader.split(' ')];
  await admin.call('ACL', 'SETUSER', ...user);
  scaler.redisUrl = `redis://sampler:pw@127.0.0.1:${scaler.redis.port}`;
  const from = scaler.decisions.length;
  await scaler.run({ clients: { readEveryMs: 200 } });
  const refused = await eventually(
    () => scaler.decisions.slice(from).findLast(({ clients: seen }) => seen && 'unknown' in seen)?.clients,
    PATIENCE,
  );
  expect(refused).toMatchObject({ unknown: expect.stringContaining("give the sampler's user +client|list") as string });
});
