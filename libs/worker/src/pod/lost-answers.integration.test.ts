import { connect, createServer, type AddressInfo } from 'node:net';
import { eventually } from '@redis-queue/rig';
import { expect, it, onTestFinished } from 'vitest';
import { PATIENCE, PATIENT, PodTestbed } from './testbed.ts';

const bed = PodTestbed.each();

/** How often the jobs have stalled. */
async function stalls(ids: readonly string[]): Promise<number> {
  const counts = await Promise.all(ids.map((id) => bed.redis.hget(`bull:a:${id}`, 'stc')));
  return counts.reduce((sum, count) => sum + Number(count), 0);
}

/** A way to Redis that is cut, in both directions, in the moment in which the answer to a fetch would come. */
async function cutWay(to: number, cuts: number): Promise<{ port: number; left: () => number }> {
  let left = cuts;
  const server = createServer((client) => {
    const upstream = connect(to, '127.0.0.1');
    for (const socket of [client, upstream]) {
      socket.on('error', () => undefined).on('close', () => (client.destroy(), upstream.destroy()));
    }
    client.pipe(upstream);
    upstream.on('data', (data) => {
      const cut = left > 0 && data.includes('"runMs"');
      if (cut) left--;
      if (cut) client.destroy();
      else client.write(data);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, left: () => left };
}

it('a fetch whose answer is lost with its connection costs the job no stall', async () => {
  const way = await cutWay(bed.server.port, 5);
  const pod = await bed.readyPod('pod-0', { ...PATIENT, REDIS_URL: `redis://127.0.0.1:${way.port}` });
  const { a } = bed.queues;
  const ids = await bed.add(a, 60, { runMs: 20 });
  await eventually(async () => (await a.getCompletedCount()) === 60, PATIENCE);
  expect(way.left()).toBe(0);
  expect(await stalls(ids)).toBe(0);
  expect((await pod.get('/livez')).status).toBe(200);
});

it('a Redis that stands still until its connections are replaced, and goes on, costs no stall', async () => {
  const pod = await bed.readyPod('pod-0', PATIENT);
  const { a } = bed.queues;
  const ids = await bed.add(a, 300, { runMs: 20 });
  await eventually(async () => (await bed.starts(a)) >= 8, PATIENCE);
  process.kill(bed.server.pid, 'SIGSTOP');
  try {
    await pod.process.waitForLine(/lost the connection to Redis/, PATIENCE);
  } finally {
    process.kill(bed.server.pid, 'SIGCONT');
  }
  await eventually(async () => (await a.getCompletedCount()) === 300, PATIENCE);
  expect(await stalls(ids)).toBe(0);
});
