import { join } from 'node:path';
import { Queue, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import {
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  PYTHON,
  pythonPackages,
  startProcess,
  startRedis,
  temporaryFolder,
  tlsArguments,
  type ChildHandle,
  type RedisServer,
} from '@redis-queue/rig';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const project = join(import.meta.dirname, '..');
const TIMES = { timeoutMs: 40_000 };

let packages: string;
let server: RedisServer;
let redis: Redis;
let queues: Record<'a' | 'b' | 'c', Queue>;
const pods: ChildHandle[] = [];

beforeAll(async () => {
  packages = await pythonPackages(join(project, 'requirements.txt'));
});

beforeEach(async () => {
  server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  redis = new Redis({ port: server.port, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const open = (name: string): Queue => new Queue(name, { connection: redis });
  queues = { a: open('a'), b: open('b'), c: open('c') };
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
});

afterEach(async () => {
  await Promise.all(pods.splice(0).map((pod) => pod.stop('SIGKILL')));
  redis.disconnect();
  await server.stop();
});

/** Redis that asks its clients for a certificate, and what a pod needs to reach it. */
async function startTlsRedis(name: string): Promise<{ env: Record<string, string>; close: () => Promise<void> }> {
  const folder = temporaryFolder('python-tls');
  const ca = await createAuthority(folder, 'ca', 'ca');
  const shown = await issueCertificate(folder, 'redis', 'redis', ca, `subjectAltName=DNS:${name}`);
  const client = await issueCertificate(folder, 'client', 'client', ca, 'extendedKeyUsage=clientAuth');
  const port = await freePort();
  const tls = await startRedis({ args: tlsArguments({ ca: ca.certificate, ...shown, asksClients: true }, port) });
  const env = {
    REDIS_URL: '',
    REDIS_HOST: '127.0.0.1',
    REDIS_PORT: String(port),
    REDIS_TLS: 'true',
    NODE_EXTRA_CA_CERTS: ca.certificate,
    REDIS_TLS_CERT_FILE: client.certificate,
    REDIS_TLS_KEY_FILE: client.key,
  };
  return { env, close: async () => await tls.stop() };
}

interface Pod {
  process: ChildHandle;
  status: (path: string) => Promise<number>;
  metrics: () => Promise<string>;
}

async function startPod(env: Record<string, string> = {}, program = 'src/three_queues.py'): Promise<Pod> {
  const port = await freePort();
  const process = startProcess(PYTHON, [join(project, program)], {
    env: {
      PYTHONPATH: `${project}:${packages}`,
      PYTHONDONTWRITEBYTECODE: '1',
      RQ_QUEUES: JSON.stringify(['a', 'b', 'c'].map((queue) => ({ queue, name: queue, prefix: 'bull' }))),
      RQ_CONCURRENCY: '4',
      RQ_POD_NAME: 'py-0',
      RQ_HTTP_PORT: String(port),
      RQ_GRACE_PERIOD_MS: '300',
      RQ_MAX_DRAIN_TIME_MS: '3000',
      REDIS_URL: server.url,
      ...env,
    },
  });
  pods.push(process);
  const status: Pod['status'] = async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  const metrics: Pod['metrics'] = async () => await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return { process, status, metrics };
}

async function readyPod(env: Record<string, string> = {}): Promise<Pod> {
  const pod = await startPod(env);
  await eventually(async () => (await pod.status('/readyz')) === 200, { ...TIMES, description: 'the pod to be ready' });
  return pod;
}

async function add(queue: Queue, count: number, data: object, opts: JobsOptions = {}): Promise<string> {
  const [first] = await queue.addBulk(Array.from({ length: count }, () => ({ name: 'work', data, opts })));
  return first!.id!;
}

const finished = (count: number) => async (): Promise<true> => {
  const done = await redis.hlen('finished');
  if (done === count) return true;
  const counts = await Promise.all(
    [queues.a, queues.b].map(async (queue) => JSON.stringify(await queue.getJobCounts())),
  );
  throw new Error(`${done} of ${count} finished; ${counts.join(', ')}; the pod says ${pods.at(-1)?.lines.join('\n')}`);
};
const active = (queue: Queue, count: number) => async (): Promise<boolean> => (await queue.getActiveCount()) === count;

/** How old, in seconds, the connections are that wait for jobs. */
async function waitingConnections(): Promise<number[]> {
  const clients = ((await redis.client('LIST')) as string).split('\n').filter((line) => line.includes('cmd=bzpopmin'));
  return clients.map((line) => Number(/ age=(\d+)/.exec(line)?.[1]));
}

describe('a Python worker pod', () => {
  it('runs jobs of three queues that BullMQ in JavaScript added, never more at once than its concurrency', async () => {
    await readyPod();
    const id = await add(queues.a, 40, { runMs: 20 });
    await add(queues.b, 40, { runMs: 20 });
    await eventually(finished(80), TIMES);
    expect(await redis.zscore('running-at-once', 'pod')).toBe('4');
    expect(new Set(await redis.hvals('finished'))).toEqual(new Set(['1']));
    const job = (await queues.a.getJob(id))!;
    expect({ pod: job.processedBy, attempts: job.attemptsMade, state: await job.getState() }).toEqual({
      pod: 'py-0',
      attempts: 1,
      state: 'completed',
    });
  });

  it('runs delayed, prioritised and retried jobs, and stays within the limits of the queue', async () => {
    await queues.b.setGlobalRateLimit(5, 500);
    await queues.a.setGlobalConcurrency(1);
    await readyPod();
    await add(queues.a, 1, { runMs: 0 }, { delay: 300 });
    await add(queues.a, 5, { runMs: 0 }, { priority: 5 });
    await add(queues.a, 1, { runMs: 0, failTimes: 2 }, { attempts: 3, backoff: 50 });
    await add(queues.b, 15, { runMs: 0 });
    await eventually(finished(22), TIMES);
    const starts = (await queues.b.getCompleted()).map(({ processedOn }) => processedOn!);
    expect(Math.max(...starts) - Math.min(...starts)).toBeGreaterThan(900);
    expect(await queues.a.getFailedCount()).toBe(0);
  });

  it('wakes within moments for a job added while it waits', async () => {
    await readyPod();
    await eventually(async () => (await redis.info('clients')).includes('blocked_clients:3'), TIMES);
    const added = Date.now();
    const id = await add(queues.b, 1, { runMs: 0 });
    await eventually(finished(1), { ...TIMES, intervalMs: 5 });
    expect((await queues.b.getJob(id))!.processedOn! - added).toBeLessThan(4_000);
  });

  it('keeps its connections while there is nothing to do', async () => {
    await readyPod();
    const ages = await eventually(
      async () => {
        const seconds = await waitingConnections();
        return Math.max(...seconds) > 11 && seconds;
      },
      { ...TIMES, intervalMs: 500, description: 'a connection of more than 11 s' },
    );
    expect(ages.filter((seconds) => seconds > 9)).toHaveLength(3);
  });

  it('does not start without a handler for one of its queues, and says which', async () => {
    const RQ_QUEUES = JSON.stringify([{ queue: 'reports', name: 'reports', prefix: 'bull' }]);
    const pod = await startPod({ RQ_QUEUES });
    expect((await pod.process.exited).code).toBe(1);
    expect(pod.process.lines.join()).toContain('no handler for queue reports (handlers: a, b, c)');
  });

  it('stops a job whose lock was lost without failing it: another pod may run it by now', async () => {
    const pod = await readyPod();
    const id = await add(queues.a, 1, { runMs: 600_000 });
    await eventually(active(queues.a, 1), TIMES);
    await redis.del(`bull:a:${id}:lock`);
    await pod.process.waitForLine(/cannot hand job 1 back/, TIMES);
    expect(await queues.a.getFailedCount()).toBe(0);
  });

  it.each([
    { when: 'as soon as the pod has it, ten times over', key: 'lock', times: 10 },
    { when: 'while its handler runs', key: 'pb', times: 1 },
  ])('runs a job again that comes back $when, once that run has ended', async ({ key, times }) => {
    await readyPod();
    const id = await add(queues.c, 1, { runMs: 1_500 });
    // as another pod does that finds it stalled; the pod writes the field `pb` just before its handler begins
    const comesBack = `
      local function key(name) return 'bull:c:' .. name end
      local id = ARGV[1]
      if redis.call('EXISTS', key(id .. ':lock')) == 0 then return 0 end
      if ARGV[2] == 'pb' and redis.call('HEXISTS', key(id), 'pb') == 0 then return 0 end
      redis.call('DEL', key(id .. ':lock'))
      redis.call('LREM', key('active'), 1, id)
      redis.call('LPUSH', key('wait'), id)
      redis.call('ZADD', key('marker'), 0, '0')
      return 1`;
    for (let time = 0; time < times; time += 1) {
      await eventually(async () => (await redis.eval(comesBack, 0, id, key)) === 1, { ...TIMES, intervalMs: 0 });
    }
    await eventually(async () => (await queues.c.getCompletedCount()) + (await queues.c.getFailedCount()) === 1, TIMES);
    expect(await queues.c.getJobCounts('completed', 'failed')).toEqual({ completed: 1, failed: 0 });
    expect((await queues.c.getJob(id))!.attemptsMade).toBe(1);
  });

  it('keeps the lock of a job that comes back in the moment in which the run before is about to be completed', async () => {
    await readyPod();
    const id = await add(queues.a, 1, { runMs: 600_000, comesBackAtItsEnd: true });
    await eventually(async () => (await redis.get(`runs-of:${id}`)) === '2', TIMES);
    let leftMs = Infinity;
    await eventually(async () => {
      const before = leftMs;
      leftMs = await redis.pttl(`bull:a:${id}:lock`);
      return leftMs > before || leftMs < 0;
    }, TIMES);
    expect(leftMs).toBeGreaterThan(0);
  });

  it('fails a job whose handler is cancelled by itself, and not by the pod', async () => {
    await readyPod();
    const id = await add(queues.a, 1, { runMs: 0, cancels: true }, { attempts: 2 });
    await eventually(async () => (await queues.a.getFailedCount()) === 1, TIMES);
    expect(await queues.a.getJob(id)).toMatchObject({
      attemptsMade: 2,
      failedReason: 'the handler let CancelledError through, which nobody but itself had caused',
    });
  });

  it('says once that Redis is away, and once that it is back, and goes on', async () => {
    const pod = await readyPod();
    // the handlers' own connection may be lost when they end: then the jobs are tried again
    await add(queues.a, 2, { runMs: 3_000 }, { attempts: 20, backoff: 500 });
    await eventually(active(queues.a, 2), TIMES);
    const before = pod.process.lines.length;
    await server.kill9();
    await pod.process.waitForLine(/lost the connection to Redis/, TIMES);
    expect(await pod.status('/livez')).toBe(200);
    await server.restart();
    await pod.process.waitForLine(/connected to Redis again, after \d+ s/, TIMES);
    await add(queues.b, 1, { runMs: 0 });
    await eventually(finished(3), TIMES);
    const lines = pod.process.lines.slice(before).map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(lines.filter((line) => line.includes('Redis'))).toHaveLength(2);
    expect(new Set(lines).size).toBe(lines.length);
    expect(lines.length).toBeLessThanOrEqual(6);
  });

  it('fails a job that runs for longer than its queue allows, also one that ignores it, and no other', async () => {
    const entries = ['a', 'b', 'c'].map((queue) => ({
      queue,
      name: queue,
      prefix: 'bull',
      ...(queue !== 'b' && { jobTimeoutMs: 300 }),
    }));
    const pod = await readyPod({ RQ_QUEUES: JSON.stringify(entries) });
    const stops = await add(queues.a, 1, { runMs: 600_000 }, { attempts: 2, backoff: 10 });
    const ignores = await add(queues.c, 1, { runMs: 600_000 });
    await add(queues.b, 1, { runMs: 10 });
    await eventually(async () => (await queues.a.getFailedCount()) + (await queues.c.getFailedCount()) === 2, TIMES);
    await eventually(finished(1), TIMES);
    const jobs = [await queues.a.getJob(stops), await queues.c.getJob(ignores)];
    expect(jobs.map((job) => [job?.failedReason, job?.attemptsMade])).toEqual([
      ['the job ran for longer than the 0.3 s that jobTimeout of Queue a allows', 2],
      ['the job ran for longer than the 0.3 s that jobTimeout of Queue c allows', 1],
    ]);
    // the one that goes on keeps its slot
    const text = await pod.metrics();
    expect(text).toMatch(/^redis_queue_worker_stuck_handlers 1$/m);
    expect(text).toMatch(/^redis_queue_worker_slots\{state="free"\} 3$/m);
    expect(text).toMatch(/^redis_queue_worker_jobs_total\{queue="a",outcome="retried"\} 1$/m);
    expect(text).toMatch(/^redis_queue_worker_jobs_total\{queue="c",outcome="failed"\} 1$/m);
    expect(await pod.status('/livez')).toBe(200);
  });

  it('says in its metrics and in its report how long a handler kept the event loop from what was due', async () => {
    const pod = await readyPod({ RQ_POOL: 'pool', RQ_POOL_NAMESPACE: 'team' });
    await add(queues.a, 1, { runMs: 0, blockMs: 900 });
    await eventually(finished(1), TIMES);
    const lags = /^redis_queue_worker_event_loop_lag_seconds_bucket\{le="(0\.25|\+Inf)"\} (\d+)$/gm;
    await eventually(async () => {
      const [short, all] = [...(await pod.metrics()).matchAll(lags)].map(([, , count]) => Number(count));
      // of the 18 moments within the block, those in its first 650 ms
      expect(all! - short!).toBeGreaterThanOrEqual(12);
      return true;
    }, TIMES);
    pod.process.kill('SIGTERM');
    await pod.process.exited;
    const report = (await redis.hget('bull:a:rq:usage:team/pool', 'py-0'))!;
    const { lagP99Ms, lagMaxMs } = JSON.parse(report.slice(report.indexOf(' '))) as Record<string, number>;
    expect(lagMaxMs).toBeGreaterThan(800);
    expect(lagP99Ms).toBeGreaterThan(300);
    expect(lagP99Ms).toBeLessThanOrEqual(lagMaxMs!);
  });

  it('whose slots are all taken by handlers that go on without their jobs is to be started again', async () => {
    const RQ_QUEUES = JSON.stringify([{ queue: 'c', name: 'c', prefix: 'bull', jobTimeoutMs: 200 }]);
    const pod = await readyPod({ RQ_QUEUES, RQ_CONCURRENCY: '1' });
    await add(queues.c, 1, { runMs: 600_000 });
    await eventually(async () => (await pod.status('/livez')) === 503, TIMES);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
  });
});

describe('a Python worker pod whose Redis speaks TLS', () => {
  it('shows its certificate, expects the name in that of Redis that REDIS_TLS_SERVER_NAME says, and no other', async () => {
    const { env, close } = await startTlsRedis('redis.shop.example');
    try {
      await readyPod({ ...env, REDIS_TLS_SERVER_NAME: 'redis.shop.example' });
      const other = await startPod({ ...env, REDIS_TLS_SERVER_NAME: 'other.example' });
      const why = await other.process.waitForLine(/REDIS_TLS_SERVER_NAME/, TIMES);
      expect(why).toContain("not valid for 'other.example'");
      expect(await other.status('/readyz')).toBe(503);
    } finally {
      await close();
    }
  });
});

describe('a Python worker pod that gets SIGTERM', () => {
  it('ends at once when idle', async () => {
    const pod = await readyPod({ RQ_GRACE_PERIOD_MS: '30000', RQ_MAX_DRAIN_TIME_MS: '60000' });
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
  });

  it.each([
    { how: 'stops when cancelled', queue: 'a' as const, outcome: 'stopped' },
    { how: 'ignores its cancellation', queue: 'c' as const, outcome: 'handed back' },
  ])('hands back a job that $how, at the cost of no attempt and no stall', async ({ queue, outcome }) => {
    const pod = await readyPod();
    const id = await add(queues[queue], 1, { runMs: 600_000 }, { priority: 3, attempts: 1 });
    await eventually(active(queues[queue], 1), TIMES);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(pod.process.lines.join()).toContain(`drained: ${outcome}`);
    const job = (await queues[queue].getJob(id))!;
    expect({ state: await job.getState(), attempts: job.attemptsMade, priority: job.priority }).toEqual({
      state: 'prioritized',
      attempts: 0,
      priority: 3,
    });
    await job.updateData({ runMs: 0 });
    await readyPod({ RQ_POD_NAME: 'py-1' });
    await eventually(async () => (await queues[queue].getCompletedCount()) === 1, TIMES);
  });
});
