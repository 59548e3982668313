import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ACL_RULES } from '@redis-queue/bullmq';
import {
  ask,
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  PYTHON,
  pythonPackages,
  startProcess,
  startRedisCluster,
  startRedisSentinel,
  temporaryFolder,
  untilReplicated,
  workspaceRoot,
  type ChildHandle,
  type RedisServer,
} from '@redis-queue/rig';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { beforeAll, describe, expect, it } from 'vitest';
import { openRedis, type PodRedis } from '../redis/open-redis.ts';
import { PATIENCE } from './testbed.ts';

const PASSWORD = 'of-servers';
const SENTINEL_PASSWORD = 'of-sentinels';
/** What redis-py needs beside the rights of a worker. */
const OF_REDIS_PY = '+script|load +command';
const LOGIN = { REDIS_USERNAME: 'worker', REDIS_PASSWORD: 'pw', REDIS_TLS: 'true' };
/** In a Cluster of three they lie on different nodes. */
const QUEUES = { a: '{q0}', b: '{q1}' } as const;

let packages: string;
const secure = (): { ca: string } => ({ ca: readFileSync(tls.ca, 'utf8') });
let tls: { ca: string; certificate: string; key: string };

beforeAll(async () => {
  packages = await pythonPackages(join(workspaceRoot, 'examples/python-worker/requirements.txt'));
  const folder = temporaryFolder('failover-tls');
  const ca = await createAuthority(folder, 'ca', 'ca');
  const pair = await issueCertificate(folder, 'redis', 'redis', ca, 'subjectAltName=IP:127.0.0.1');
  tls = { ca: ca.certificate, ...pair };
});

/** The user of a pod has just the rights of the docs. */
async function addWorker(server: RedisServer): Promise<void> {
  const rules = `reset on >pw resetchannels ${ACL_RULES.worker}`;
  const users = `ACL SETUSER worker ${rules}\r\nACL SETUSER python ${rules} ${OF_REDIS_PY}`;
  await ask(server, `AUTH ${PASSWORD}\r\n${users}\r\nACL LOG RESET`);
}

async function refusals(servers: readonly RedisServer[]): Promise<string[]> {
  const logs = await Promise.all(servers.map((server) => ask(server, `AUTH ${PASSWORD}\r\nACL LOG`)));
  return logs.filter((log) => log.includes('reason'));
}

interface Pod {
  readonly process: ChildHandle;
  probe(path: string): Promise<string>;
}

/** @param stack by which it is killed when the test ends: the tests run side by side. */
async function startPod(env: Record<string, string>, stack: AsyncDisposableStack): Promise<Pod> {
  const port = await freePort();
  const process = startProcess(globalThis.process.execPath, [`${import.meta.dirname}/failover.fixture.ts`], {
    env: {
      RQ_QUEUES: JSON.stringify(Object.entries(QUEUES).map(([queue, name]) => ({ queue, name, prefix: 'bull' }))),
      RQ_CONCURRENCY: '8',
      RQ_POD_NAME: 'pod-0',
      RQ_HTTP_PORT: String(port),
      ...LOGIN,
      NODE_EXTRA_CA_CERTS: tls.ca,
      ...env,
    },
  });
  stack.defer(async () => void (await process.stop('SIGKILL')));
  return {
    process,
    probe: async (path) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`);
      return `${response.status} ${(await response.text()).trim()}`;
    },
  };
}

async function readyPod(env: Record<string, string>, stack: AsyncDisposableStack): Promise<Pod> {
  const pod = await startPod(env, stack);
  await eventually(async () => (await pod.probe('/readyz').catch(String)) === '200 fetching', {
    ...PATIENCE,
    description: 'the pod to be ready',
  });
  return pod;
}

const jobs = (count: number, runMs: number) => Array.from({ length: count }, () => ({ name: 'work', data: { runMs } }));
const active = (queue: Queue, count: number) =>
  eventually(async () => (await queue.getActiveCount()) === count, {
    ...PATIENCE,
    description: `${count} active jobs`,
  });

/** All have run once, as if nothing had happened. */
async function ranOnce(queue: Queue, count: number): Promise<void> {
  await eventually(async () => (await queue.getCompletedCount()) === count, {
    ...PATIENCE,
    description: `${count} completed jobs`,
  });
  const completed = await queue.getCompleted();
  expect(completed.map(({ attemptsStarted, stalledCounter }) => [attemptsStarted, stalledCounter])).toEqual(
    completed.map(() => [1, 0]),
  );
  expect(await queue.getFailedCount()).toBe(0);
}

/** Workers that connect without this library, as the docs say, run a job each. */
async function othersWork(env: Record<string, string>, redis: Redis, stack: AsyncDisposableStack): Promise<void> {
  const folder = import.meta.dirname;
  const start = (program: string, file: string, name: string, user: string): ChildHandle =>
    startProcess(program, [`${folder}/${file}`], {
      env: {
        ...LOGIN,
        REDIS_USERNAME: user,
        ...env,
        NODE_EXTRA_CA_CERTS: tls.ca,
        PYTHONPATH: packages,
        PYTHONDONTWRITEBYTECODE: '1',
        RQ_QUEUES: JSON.stringify([{ name, prefix: 'bull' }]),
      },
    });
  const others = [
    { name: '{plain}', process: start(globalThis.process.execPath, 'plain-connected.fixture.ts', '{plain}', 'worker') },
    { name: '{python}', process: start(PYTHON, 'plain_connected.py', '{python}', 'python') },
  ];
  for (const { process } of others) stack.defer(async () => void (await process.stop('SIGKILL')));
  const results = others.map(async ({ name, process }) => {
    const queue = new Queue(name, { connection: redis });
    queue.on('error', () => undefined);
    const { id } = await queue.add('work', {});
    return await eventually(
      async () => {
        const result = (await queue.getJob(id!))?.returnvalue as string | null;
        if (!result) throw new Error(`not done; the worker says ${process.lines.slice(-5).join(' ')}`);
        return result;
      },
      { ...PATIENCE, description: `a job of ${name} to be done` },
    );
  });
  expect(await Promise.all(results)).toEqual(['by plain BullMQ', 'by Python']);
  await Promise.all(others.map(({ process }) => process.stop('SIGKILL')));
}

/** Queues as producers see them, with all rights. */
function openQueues(place: PodRedis, stack: AsyncDisposableStack): [Queue, Queue, Redis] {
  const redis = openRedis({ ...place, password: PASSWORD, tls: secure(), maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  stack.defer(() => redis.disconnect());
  const [a, b] = Object.values(QUEUES).map((name) => new Queue(name, { connection: redis })) as [Queue, Queue];
  for (const queue of [a, b]) queue.on('error', () => undefined);
  return [a, b, redis];
}

describe.concurrent('a pod, by TLS and with just the rights of the docs,', () => {
  it('on a Redis Cluster goes on when the node of a queue is gone; then it hands back what runs', async () => {
    await using stack = new AsyncDisposableStack();
    const options = { password: PASSWORD, replicas: true, nodeTimeoutMs: 1_500, tls };
    const cluster = stack.use(await startRedisCluster(3, options));
    const servers = cluster.shards.flatMap(({ primary, replica }) => [primary, replica!]);
    await Promise.all(servers.map(addWorker));
    const { host, port } = cluster.address;
    const [a, b, redis] = openQueues({ cluster: true, host, port }, stack);
    const env = { REDIS_HOST: host, REDIS_PORT: String(port), REDIS_CLUSTER: 'true' };
    await othersWork(env, redis, stack);
    const pod = await readyPod(env, stack);

    await Promise.all([a.addBulk(jobs(6, 3_000)), b.addBulk(jobs(2, 10))]);
    await active(a, 6);
    await ranOnce(b, 2);
    const struck = await cluster.shardOf(QUEUES.a);
    await untilReplicated(struck.primary, struck.replica!);
    await struck.primary.kill9();
    await ranOnce(a, 6);
    await Promise.all([a.addBulk(jobs(6, 10)), b.addBulk(jobs(6, 10))]);
    await Promise.all([ranOnce(a, 12), ranOnce(b, 8)]);
    expect(await pod.probe('/livez')).toBe('200 making progress');
    await eventually(async () => (await pod.probe('/readyz')) === '200 fetching', PATIENCE);

    const [job] = await b.addBulk(jobs(1, 600_000));
    await active(b, 1);
    pod.process.kill('SIGTERM');
    await pod.process.waitForLine(/"draining"/, PATIENCE);
    pod.process.kill('SIGTERM');
    expect(await pod.process.exited).toEqual({ code: 0, signal: null });
    expect(await job!.getState()).toBe('waiting');
    expect(await refusals(servers.filter((server) => server !== struck.primary))).toEqual([]);
  });

  it('on a Redis Cluster does not start for a queue without a hash tag, and says what to name', async () => {
    await using stack = new AsyncDisposableStack();
    const RQ_QUEUES = JSON.stringify([{ queue: 'a', name: 'a', prefix: 'bull' }]);
    const pod = await startPod({ REDIS_HOST: '127.0.0.1', REDIS_CLUSTER: 'true', RQ_QUEUES }, stack);
    expect((await pod.process.exited).code).toBe(1);
    expect(pod.process.lines.join()).toMatch(/queue a .*no hash tag.*spec\.redis\.prefix/);
  });

  it('behind Sentinels goes on at the new primary when the old one is frozen, which closes no connection', async () => {
    await using stack = new AsyncDisposableStack();
    const options = { password: PASSWORD, sentinelPassword: SENTINEL_PASSWORD, downAfterMs: 1_500, tls };
    const group = stack.use(await startRedisSentinel(options));
    await Promise.all([group.primary, group.replica].map(addWorker));
    const { sentinel, masterName } = group;
    const ofSentinels = { sentinelPassword: SENTINEL_PASSWORD, sentinelTLS: secure(), enableTLSForSentinelMode: true };
    const [queue, , redis] = openQueues({ sentinels: [sentinel], name: masterName, ...ofSentinels }, stack);
    const env = {
      REDIS_SENTINELS: `127.0.0.1:1, ${sentinel.host}:${sentinel.port}`,
      REDIS_SENTINEL_MASTER_NAME: masterName,
      REDIS_SENTINEL_PASSWORD: SENTINEL_PASSWORD,
    };
    await othersWork(env, redis, stack);
    const pod = await readyPod(env, stack);

    await queue.addBulk(jobs(6, 1_000));
    await active(queue, 6);
    await untilReplicated(group.primary, group.replica);
    process.kill(group.primary.pid, 'SIGSTOP');
    stack.defer(() => void process.kill(group.primary.pid, 'SIGCONT')); // a frozen server could not be stopped
    await ranOnce(queue, 6);
    await queue.addBulk(jobs(6, 10));
    await ranOnce(queue, 12);
    expect(await pod.probe('/livez')).toBe('200 making progress');
    expect(await refusals([group.replica])).toEqual([]);
  });
});
