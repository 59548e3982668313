import { ACL_RULES } from '@redis-queue/bullmq';
import { FlowProducer, Queue, QueueEvents } from 'bullmq';
import { expect, it } from 'vitest';
import { PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();
/** What the pod of these tests notes of itself, beside its queues. */
const NOTES = ['~started', '~starts', '~running-at-once', '~beside', '~finished'];

const close = (client: { close(): Promise<void> }): Promise<void> => client.close();

async function user(name: 'worker' | 'producer', ...further: string[]): Promise<string> {
  await bed.redis.call('ACL', 'SETUSER', name, 'reset', 'on', '>pw', ...ACL_RULES[name].split(' '), ...further);
  return bed.server.url.replace('redis://', `redis://${name}:pw@`);
}

it('users with just the ACL of the docs can add jobs of every kind, and run, retry and hand them back', async () => {
  const url = new URL(await user('producer'));
  const connection = { host: url.hostname, port: Number(url.port), username: 'producer', password: 'pw' };
  // Closed before the Redis of the testbed ends.
  await using clients = new AsyncDisposableStack();
  const events = clients.adopt(new QueueEvents('a', { connection }), close);
  const queue = clients.adopt(new Queue('a', { connection }), close);
  const flows = clients.adopt(new FlowProducer({ connection }), close);
  await bed.redis.acl('LOG', 'RESET');
  await events.waitUntilReady();

  const pod = await bed.readyPod('pod-0', { ...PATIENT, REDIS_URL: await user('worker', ...NOTES) });
  const plain = await queue.add('work', { runMs: 1 });
  await queue.add('work', { runMs: 1 }, { priority: 3 });
  await queue.add('work', { runMs: 1, failTimes: 1 }, { delay: 10, attempts: 2, backoff: 10 });
  await queue.upsertJobScheduler('once', { every: 3_600_000 }, { name: 'work', data: { runMs: 1 } });
  await flows.add({
    name: 'work',
    queueName: 'b',
    data: { runMs: 1 },
    children: [{ name: 'work', queueName: 'a', data: { runMs: 1 } }],
  });
  await plain.waitUntilFinished(events, PATIENCE.timeoutMs);
  await bed.untilFinished(6);

  await queue.add('work', { runMs: 600_000 });
  await bed.untilStarted(bed.queues.a, 7);
  pod.process.kill('SIGTERM');
  await pod.process.waitForLine(/"draining"/, PATIENCE);
  pod.process.kill('SIGTERM');
  expect(await pod.process.exited).toEqual({ code: 0, signal: null });
  expect(await queue.getWaitingCount()).toBe(1);
  expect(await bed.redis.acl('LOG')).toEqual([]);
});
