import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import { eventually, startRedis } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { costOf, PATIENCE, PATIENT, PodTestbed, SHORT_LOCKS } from './testbed.ts';

const bed = PodTestbed.each();

describe('a pod whose Redis goes away', () => {
  it('is not ready but alive, and goes on by itself when Redis is back', async () => {
    const pod = await bed.readyPod('pod-0');
    const { a } = bed.queues;
    await bed.add(a, 8, { runMs: 300 });
    await bed.untilStarted(a, 4);
    await bed.server.kill9();
    await eventually(async () => (await pod.get('/readyz')).status === 503, PATIENCE);
    expect((await pod.get('/livez')).status).toBe(200);
    await bed.server.restart();
    await eventually(async () => (await pod.get('/readyz')).status === 200, PATIENCE);
    await eventually(async () => (await a.getCompletedCount()) === 8, PATIENCE);
    expect((await bed.redis.hvals('finished')).length).toBe(8);
  });

  it('starts before Redis does', async () => {
    await bed.server.kill9();
    const pod = await bed.startPod('pod-0');
    await eventually(async () => (await pod.get('/readyz')).body.includes('unreachable'), PATIENCE);
    expect((await pod.get('/livez')).status).toBe(200);
    await bed.server.restart();
    await eventually(async () => (await pod.get('/readyz')).status === 200, PATIENCE);
  });

  it('leaves within seconds when it runs no job', async () => {
    const pod = await bed.readyPod('pod-0', PATIENT);
    await bed.server.kill9();
    await eventually(async () => (await pod.get('/readyz')).status === 503, PATIENCE);
    const signalledMs = performance.now();
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    // far below the 120 s that it may take
    expect(performance.now() - signalledMs).toBeLessThan(30_000);
  });

  it('leaves when its drain time is over with exit code 1; its jobs come back at the cost of a stall', async () => {
    const { a, b } = bed.queues;
    const pod = await bed.readyPod('pod-0', {}, SHORT_LOCKS);
    const [first] = await bed.add(a, 1, { runMs: 600_000 });
    const [second] = await bed.add(b, 1, { runMs: 600_000, ignoreSignal: true });
    await bed.untilStarted(a, 1);
    await bed.untilStarted(b, 1);
    await bed.server.kill9();
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 1, signal: null });
    expect(pod.process.lines.join()).toContain('"outcome":"abandoned"');
    await bed.server.restart();
    await bed.readyPod('pod-1', PATIENT, SHORT_LOCKS);
    await bed.untilStarted(a, 2);
    await bed.untilStarted(b, 2);
    const cost = { state: 'active', attempts: 0, stalls: 1, starts: 2 };
    expect([await costOf(a, first!), await costOf(b, second!)]).toEqual([cost, cost]);
  });
});

describe('a pod whose Redis fails over', () => {
  it('leaves the server that turned into a replica, although that still answers, and records its jobs at the new primary', async () => {
    const replica = await startRedis();
    const door = await openDoor(bed.server.port);
    const promoted = new Redis({ port: replica.port });
    try {
      await promoted.replicaof('127.0.0.1', bed.server.port);
      await eventually(async () => (await promoted.info('replication')).includes('master_link_status:up'), PATIENCE);
      const pod = await bed.readyPod('pod-0', { REDIS_URL: `redis://127.0.0.1:${door.port}` });
      const { a } = bed.queues;
      await bed.add(a, 8, { runMs: 1_500 });
      await bed.untilStarted(a, 4);
      await bed.redis.wait(1, 10_000);
      await promoted.replicaof('NO', 'ONE');
      await bed.redis.replicaof('127.0.0.1', replica.port);
      door.leadTo(replica.port);
      await eventually(async () => (await promoted.zcard('bull:a:completed')) === 8, PATIENCE);
      expect(await promoted.hlen('finished')).toBe(8);
      expect((await pod.get('/livez')).status).toBe(200);
    } finally {
      promoted.disconnect();
      door.close();
      await replica.stop();
    }
  });
});

interface Door {
  port: number;
  /** Where new connections go; those that are open stay. */
  leadTo: (port: number) => void;
  close: () => void;
}

/** What a Service is to a pod: one address whose connections lead to the server behind it at the time. */
async function openDoor(to: number): Promise<Door> {
  let target = to;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          client.destroy();
          upstream.destroy();
        });
    }
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    leadTo: (port) => void (target = port),
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
