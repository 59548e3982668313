import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  eventually,
  startRedis,
  startRedisCluster,
  temporaryFolder,
  valkeyServer,
  workspaceRoot,
  type RedisCluster,
  type RedisServer,
} from '@redis-queue/rig';
import { FlowProducer, Queue, Worker, type Job } from 'bullmq';
import { Cluster, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blocksOf } from '../processes/doc-blocks.ts';
import { Stage } from '../processes/stage.ts';

// What docs/moving-queues.md says, done as it says: its commands and objects, with the controllers as processes.

const page = readFileSync(join(workspaceRoot, 'docs/moving-queues.md'), 'utf8');
const SECRETS = 'redis-credentials,redis-new,redis-cluster';
const CHILDREN = 3;

let stage: Stage;
let valkey: RedisServer;
let cluster: RedisCluster;
const closing = new AsyncDisposableStack();

beforeAll(async () => {
  [stage, valkey, cluster] = await Promise.all([
    Stage.set(),
    valkeyServer().then((program) => startRedis({ program })),
    startRedisCluster(),
  ]);
  await Promise.all([
    stage.start('queue-controller', `--redis-secret-names=${SECRETS}`, '--sample-interval=1s'),
    stage.start(
      'backup-controller',
      `--redis-secret-names=${SECRETS}`,
      `--volume-directory=${temporaryFolder('move')}`,
    ),
  ]);
});
afterAll(async () => {
  await closing.disposeAsync();
  await stage?.[Symbol.asyncDispose]();
  await Promise.all([valkey?.stop(), cluster?.[Symbol.asyncDispose]()]);
});

/** A namespace with Queues `orders` and `images` at a Redis of its own, whose jobs are in one flow. */
async function shopWithJobs(): Promise<{ shop: string; source: RedisServer }> {
  const source = await startRedis();
  closing.defer(() => source.stop());
  const shop = await stage.controlPlane.createNamespace('shop');
  await stage.secret(shop, 'redis-credentials', { 'redis-url': source.url });
  const report = { name: 'report', cron: '0 2 1 1 *', template: { name: 'report' } };
  await stage.apply(shop, 'Queue', 'orders', { schedulers: [report] });
  await stage.apply(shop, 'Queue', 'images', {});
  const connection = { host: source.host, port: source.port };
  const orders = new Queue('orders', { connection });
  await orders.addBulk([
    ...Array.from({ length: 20 }, (_, n) => ({ name: 'plain', data: { n }, opts: { jobId: `plain-${n}` } })),
    { name: 'urgent', data: {}, opts: { jobId: 'urgent', priority: 1 } },
    { name: 'later', data: {}, opts: { jobId: 'later', delay: 3_600_000 } },
  ]);
  const flows = new FlowProducer({ connection });
  await flows.add({
    name: 'parent',
    queueName: 'orders',
    opts: { jobId: 'parent' },
    children: Array.from({ length: CHILDREN }, (_, n) => ({
      name: 'child',
      queueName: 'images',
      opts: { jobId: `child-${n}` },
    })),
  });
  await Promise.all([orders.close(), flows.close()]);
  await Promise.all(['orders', 'images'].map((queue) => stage.settled(shop, `queue/${queue}`, 'Applied')));
  return { shop, source };
}

/** Does what a section says, with the addresses of this test in place of those on the page, and without its patience. */
async function follow(shop: string, heading: string, addresses: Record<string, string>): Promise<void> {
  for (const { language, text } of blocksOf(page, heading)) {
    const here = Object.entries(addresses)
      .reduce((all, [there, address]) => all.replaceAll(there, address), text)
      .replaceAll(/--timeout=\w+/g, '--timeout=45s');
    // oxlint-disable-next-line no-await-in-loop -- a reader does one after the other
    await stage.runInShell(shop, language === 'sh' ? here : `kubectl apply -f - <<'END'\n${here}\nEND`);
  }
}

/** Runs what is ready in both queues, until the parent has run; ids of the jobs of the first, as they ran. */
async function runAll(
  connect: () => Redis,
  prefix: string,
  images: string,
): Promise<{ ran: string[]; values: Record<string, unknown> }> {
  const ran: string[] = [];
  let values: Record<string, unknown> | undefined;
  const work = async (job: Job): Promise<unknown> => {
    if (job.queueName === 'orders') ran.push(job.id!);
    if (job.name === 'parent') values = await job.getChildrenValues();
    return { of: job.id };
  };
  for (const name of ['orders', images]) {
    const worker = new Worker(name, work, { connection: connect(), prefix, concurrency: 1 });
    worker.on('error', () => undefined);
    closing.defer(() => worker.close(true));
  }
  await eventually(() => values !== undefined && ran.length === 22, { description: 'all jobs to run' });
  return { ran, values: values! };
}

const ALL = ['urgent', 'parent', ...Array.from({ length: 20 }, (_, n) => `plain-${n}`)].toSorted();

describe.concurrent('a namespace whose queues move', () => {
  it('to Valkey 9 keeps its Queues, and each job runs there once, in order', async () => {
    const { shop, source } = await shopWithJobs();
    const address = `${valkey.host}:${valkey.port}`;
    await follow(shop, 'Another server: the Queue stays', { 'valkey:6379': address });
    const [backup, restore] = await Promise.all(
      ['queuebackup/before-move', 'queuerestore/after-move'].map((each) => stage.read(shop, each)),
    );
    // The next run of the job scheduler that the Queue declares is there already.
    expect([backup?.status?.['jobs'], restore?.status?.['jobs']]).toEqual([27, 26]);
    expect(backup?.status?.['queues']).toMatchObject([{ name: 'images' }, { name: 'orders' }]);
    const { ran, values } = await runAll(
      () => new Redis(valkey.port, valkey.host, { maxRetriesPerRequest: null }),
      'bull',
      'images',
    );
    expect(ran.toSorted()).toEqual(ALL);
    expect(ran.filter((id) => id.startsWith('plain'))).toEqual(Array.from({ length: 20 }, (_, n) => `plain-${n}`));
    expect(values).toEqual(
      Object.fromEntries(Array.from({ length: CHILDREN }, (_, n) => [`bull:images:child-${n}`, { of: `child-${n}` }])),
    );
    // What it has left is as it was, paused, and nobody's.
    const former = new Redis(source.port, source.host);
    expect(await former.llen('bull:orders:wait')).toBe(20);
    await eventually(async () => (await former.hget('bull:orders:meta', 'redis-queue:owner')) === null);
    expect(await former.hget('bull:orders:meta', 'paused')).toBe('1');
    former.disconnect();
  });

  it('to a Redis Cluster gets new Queues with a hash tag and another name, and its flow goes on there', async () => {
    const { shop } = await shopWithJobs();
    const [node] = cluster.nodes;
    await follow(shop, 'Another prefix or name: a new Queue', {
      'redis-host=cluster': `redis-host=${node!.host}`,
      'redis-port=6379': `redis-port=${node!.port}`,
    });
    const connect = (): Redis => {
      const client = new Cluster([{ host: node!.host, port: node!.port }], {
        redisOptions: { maxRetriesPerRequest: null },
      });
      closing.defer(() => client.disconnect());
      return client as unknown as Redis;
    };
    const { ran, values } = await runAll(connect, '{shop}', 'pictures');
    expect(ran.toSorted()).toEqual(ALL);
    expect(values).toEqual(
      Object.fromEntries(
        Array.from({ length: CHILDREN }, (_, n) => [`{shop}:pictures:child-${n}`, { of: `child-${n}` }]),
      ),
    );
    const orders = new Queue('orders', { connection: connect(), prefix: '{shop}', skipMetasUpdate: true });
    closing.defer(() => orders.close());
    expect(await orders.getDelayedCount()).toBe(2);
    expect((await orders.getJob('later'))?.opts.delay).toBe(3_600_000);
  });
});
