import { QUEUES } from '@redis-queue/api';
import { keyOf } from '@redis-queue/controller';
import { eventually, startAppProcess, type AppProcess } from '@redis-queue/rig';
import { lintMetrics } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testCluster, type TestCluster } from './testing/cluster.ts';

const RIGHT = 'right-hunter2-password';
const WRONG = 'wrong-hunter2-password';

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster({ password: RIGHT });
});
afterAll(() => t?.[Symbol.asyncDispose]());

async function startController(...flags: string[]): Promise<AppProcess> {
  const main = new URL('main.ts', import.meta.url).pathname;
  const { kubeconfigPath } = t.cluster;
  return await startAppProcess('queue-controller', { main, kubeconfigPath, args: ['--log-level=trace', ...flags] });
}

it('a wrong password is reported as such and appears in no output, and the right one cures it', async () => {
  const ns = await t.cluster.createNamespace('secret');
  await t.secret(ns, { 'redis-url': `redis://:${WRONG}@${t.server.host}:${t.server.port}` });
  const controller = await startController();
  const queue = await t.queue(ns, 'locked', { globalConcurrency: 4 });
  const blocked = await t.settled(queue, 'RedisAuthFailed');
  expect(blocked.status?.conditions?.map(({ type, status }) => `${type}=${status}`).toSorted()).toEqual([
    'Available=Unknown',
    'Degraded=Unknown',
    'Ready=False',
    'Stalled=True',
  ]);
  await eventually(async () => (await t.eventsOf(queue)).some(({ reason }) => reason === 'RedisAuthFailed'));
  await t.secret(ns, { 'redis-url': `redis://:${RIGHT}@${t.server.host}:${t.server.port}` });
  await t.settled(queue, 'Applied');

  const metrics = await controller.metrics();
  expect(await lintMetrics(metrics)).toEqual([]);
  const leases = await t.cluster.kubectl('get', 'leases,events,queues', '-A', '-o', 'json');
  expect((await controller.stop('SIGTERM')).code).toBe(0);
  const outputs = { metrics, leases, lines: controller.lines.join('\n') };
  expect(outputs.lines).toContain('RedisAuthFailed');
  expect(Object.entries(outputs).filter(([, text]) => /hunter2/.test(text))).toEqual([]);
});

it('after SIGKILL the next process finishes what changed meanwhile', async () => {
  const ns = await t.cluster.createNamespace('killed');
  await t.secret(ns, { 'redis-host': t.server.host, 'redis-port': String(t.server.port), 'redis-password': RIGHT });
  const first = await startController('--leader-elect', 'false');
  const queue = await t.queue(ns, 'killed', { rateLimits: { maxJobsPerSecond: 10 }, globalConcurrency: 4 });
  await t.settled(queue, 'Applied');
  await first.stop('SIGKILL');
  await t.client.mergePatch(QUEUES, keyOf(queue), { spec: { rateLimits: null, paused: true } });
  await t.redis.hset('bull:killed:meta', 'concurrency', '99');
  const second = await startController('--leader-elect', 'false');
  await t.settled(queue, 'Applied');
  const { 'redis-queue:owner': mark, ...rest } = await t.redis.hgetall('bull:killed:meta');
  expect(rest).toEqual({ concurrency: '4', paused: '1' });
  expect(JSON.parse(mark!)).toMatchObject({ managed: ['globalConcurrency', 'paused'] });
  await second.stop('SIGTERM');
});

it('--help names the flags of its own', async () => {
  const controller = await startController('--help');
  expect((await controller.exited).code).toBe(0);
  expect(controller.stdout.join('\n')).toMatch(/--redis-secret-names NAMES .*redis-credentials/);
});
