// What this library relies on in BullMQ's Worker beyond its public interface, as each tested version does it.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker, type Job } from 'bullmq';
import { Worker as WorkerOf5 } from 'bullmq-5';
import { Redis } from 'ioredis';
import { startRedis, startSilentProxy, type RedisServer } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { membersOf, type BullmqMembers } from './bullmq-members.ts';

const HOUR = 3_600_000;
/** Named by docs/worker-duties.md, and only read or overridden: nothing else would tell that they are gone. */
const LOOKED_UP = ['handleCompleted', 'running', 'mainLoopRunning', 'createSandbox'];

let server: RedisServer;
const open: { disconnect?: () => void; close?: (force: boolean) => Promise<void> }[] = [];

beforeAll(async () => {
  server = await startRedis();
});

afterAll(async () => {
  await Promise.all(open.map(async (each) => await each.close?.(true)));
  for (const each of open) each.disconnect?.();
  await server.stop();
});

function connect(port = server.port): Redis {
  const redis = new Redis({ port, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  open.push(redis);
  return redis;
}

interface Tested {
  queue: Queue;
  worker: Worker;
  members: BullmqMembers;
}

let queues = 0;

interface Setup {
  /** Runs the jobs instead. */
  file?: string;
  run?: (job: Job) => Promise<unknown>;
  port?: number;
  /** Longer than anything here takes on a busy machine, unless a test waits for it. */
  lockDuration?: number;
}

function tested(
  Version: typeof Worker,
  { file, run = async () => {}, port, lockDuration = 60_000 }: Setup = {},
): Tested {
  const name = `queue-${queues++}`;
  const queue = new Queue(name, { connection: connect() });
  const options = { connection: connect(port), autorun: false, lockDuration, lockRenewTime: lockDuration / 4 };
  const worker = new Version(name, file ?? run, options);
  worker.on('error', () => undefined);
  open.unshift(worker);
  return { queue, worker, members: membersOf(worker) };
}

// `make bench NAME=bullmq-range` runs those of the first with other releases in its place
const VERSIONS: [string, typeof Worker][] = [
  ['bullmq', Worker],
  // the types differ in what this library does not use
  ['bullmq-5', WorkerOf5 as unknown as typeof Worker],
];

describe.concurrent.each(VERSIONS)('of what is installed as %s', (_, Version) => {
  it('a fetch brings a job that is locked by its token', async () => {
    const { queue, members } = tested(Version);
    const { id } = await queue.add('job', {});
    const job = await members.take('token-1');
    expect(job?.id).toBe(id);
    expect(await connect().get(queue.toKey(`${id}:lock`))).toBe('token-1');
  });

  it('a fetch without a job says when the next delayed one is due', async () => {
    const { queue, members } = tested(Version);
    const { timestamp } = await queue.add('job', {}, { delay: HOUR });
    expect(await members.take('token')).toBeUndefined();
    expect(members.dueAtMs()).toBe(timestamp + HOUR);
  });

  it('a fetch and the end of a job say how long the rate limit keeps everybody', async () => {
    const { queue, worker, members } = tested(Version);
    await queue.setGlobalRateLimit(1, HOUR);
    await queue.addBulk(Array.from({ length: 2 }, () => ({ name: 'job', data: {} })));
    const job = (await members.take('token'))!;
    expect(members.limitedUntilMs()).toBe(0);
    await worker.processJob(job, 'token', () => true);
    expect(members.limitedUntilMs()).toBeGreaterThan(Date.now() + HOUR / 2);
    members.forgetLimit();
    expect(members.limitedUntilMs()).toBe(0);
    expect(await members.take('token')).toBeUndefined();
    expect(members.limitedUntilMs()).toBeGreaterThan(Date.now() + HOUR / 2);
  });

  it('a handler that throws RateLimitError has its job put back, and its limit known', async () => {
    const { queue, worker, members } = tested(Version, {
      run: async () => {
        await queue.rateLimit(HOUR);
        throw Version.RateLimitError();
      },
    });
    await queue.add('job', {});
    await worker.processJob((await members.take('token'))!, 'token', () => true);
    expect(members.limitedUntilMs()).toBeGreaterThan(Date.now() + HOUR / 2);
    // 5 counts those of a paused queue as well
    expect(await queue.getJobCounts('waiting', 'failed')).toMatchObject({ waiting: 1, failed: 0 });
  });

  it('locks of running jobs are renewed', async () => {
    const { queue, worker, members } = tested(Version, { run: async () => await sleep(6_000), lockDuration: 4_000 });
    members.startLockRenewal();
    const { id } = await queue.add('job', {});
    await worker.processJob((await members.take('token'))!, 'token', () => false);
    expect(await queue.getJob(id!).then(async (job) => await job?.getState())).toBe('completed');
  });

  it('a wait ends with the marker of a job, without one in time, and when it is interrupted', async () => {
    const { queue, members } = tested(Version);
    expect(await members.waitForMarker(0.01)).toBeUndefined();
    const marker = members.waitForMarker(10);
    await queue.add('job', {});
    expect(await marker).toEqual({ member: '0', score: 0 });
    const interrupted = members.waitForMarker(10).catch((error: Error) => error.message);
    await members.interruptWait();
    expect(await interrupted).toContain('closed');
    await members.reconnectWait();
    const again = members.waitForMarker(10);
    await queue.add('job', {});
    expect(await again).toEqual({ member: '0', score: 0 });
  });

  it('a wait that Redis never answers ends, and the next one is answered', async () => {
    await using proxy = await startSilentProxy(server.port);
    const { queue, members } = tested(Version, { port: proxy.port });
    expect(await members.waitForMarker(0.01)).toBeUndefined();
    proxy.silenceConnections();
    expect(await members.waitForMarker(0.1)).toBeUndefined();
    const marker = members.waitForMarker(10);
    await queue.add('job', {});
    expect(await marker).toEqual({ member: '0', score: 0 });
  });

  it('a worker with a file whose processes cannot be ended is refused', async () => {
    const { worker } = tested(Version, { file: join(import.meta.dirname, '../workers/file.fixture.ts') });
    expect(() => membersOf(worker, { inFile: true })).not.toThrow();
    Object.defineProperty(worker, 'childPool', { value: undefined });
    expect(() => membersOf(worker, { inFile: true })).toThrow(
      'lacks Worker.childPool.retained, Worker.childPool.free,',
    );
  });

  it.each(['lockManager', 'blockUntil', ...LOOKED_UP])('a worker without %s is refused with the way out', (member) => {
    const { worker } = tested(Version);
    Object.defineProperty(worker, member, { value: undefined });
    expect(() => membersOf(worker)).toThrow(
      new RegExp(
        `^bullmq \\d+\\.\\d+\\.\\d+ lacks Worker\\.${member}.*, which .* \\(tested with .*\\); install .*: npm install bullmq@6$`,
      ),
    );
  });
});
