import { FlowProducer, Worker, type Job } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HOUR } from '../testing/test-retention.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { comparable, Increments, randomOf } from './changes.fixture.ts';
import { takeSnapshot } from './snapshot.fixture.ts';
import { WriteWatch } from './write-watch.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const OPERATIONS = 200;
const TOKEN = 'token';

type Operation = readonly [weight: number, run: () => Promise<unknown>];

/** What BullMQ's clients do to one queue, at random. */
function operationsOn(name: string, random: () => number, flows: FlowProducer, worker: Worker): Operation[] {
  const queue = t.producer({ prefix: 'bull', name });
  const below = (n: number): number => Math.floor(random() * n);
  const id = (): string => `j${below(40)}`;
  const options = () => ({
    jobId: id(),
    attempts: 1 + below(3),
    ...(random() < 0.3 && { delay: HOUR * (1 + below(3)) }),
    ...(random() < 0.3 && { priority: 1 + below(5) }),
    ...(random() < 0.2 && { lifo: true }),
    ...(random() < 0.2 && { deduplication: { id: `d${below(5)}`, ...(random() < 0.5 && { keepLastIfActive: true }) } }),
    ...(random() < 0.2 && { removeOnComplete: true }),
  });
  const onJob =
    (change: (job: Job) => Promise<unknown>): (() => Promise<unknown>) =>
    async () => {
      const job = (await queue.getJob(id())) as Job | undefined;
      if (job) await change(job);
    };
  const active: Job[] = [];
  const end = async (change: (job: Job) => Promise<unknown>): Promise<void> => {
    const job = active.splice(below(active.length), 1)[0];
    if (job) await change(job);
  };
  return [
    [4, () => queue.add('job', { n: below(3) }, options())],
    [
      1,
      () => {
        const child = () => ({
          name: 'child',
          queueName: name,
          opts: { jobId: id(), ignoreDependencyOnFailure: true },
        });
        return flows.add({ name: 'parent', queueName: name, opts: { jobId: id() }, children: [child(), child()] });
      },
    ],
    [3, onJob((job) => job.updateData({ n: below(3) }))],
    [1, onJob((job) => job.log(`line ${below(3)}`))],
    [1, onJob((job) => job.clearLogs())],
    [1, onJob((job) => job.updateProgress(below(3)))],
    [1, onJob((job) => job.changeDelay(HOUR * below(3)))],
    [1, onJob((job) => job.promote())],
    [1, onJob((job) => job.changePriority({ priority: below(4), lifo: random() < 0.5 }))],
    [1, onJob((job) => job.retry(random() < 0.5 ? 'failed' : 'completed'))],
    [2, onJob((job) => job.remove())],
    [
      4,
      async () => {
        const job = (await worker.getNextJob(TOKEN, { block: false })) as Job | undefined;
        if (job) active.push(job);
      },
    ],
    [2, () => end((job) => job.moveToCompleted({ n: below(3) }, TOKEN, false))],
    [2, () => end((job) => job.moveToFailed(new Error(`no ${below(3)}`), TOKEN, false))],
    [1, () => queue.upsertJobScheduler(`s${below(2)}`, { every: HOUR * (1 + below(2)) })],
    [1, () => queue.removeJobScheduler(`s${below(2)}`)],
    [1, () => (random() < 0.3 ? queue.pause() : queue.resume())],
    [1, () => queue.clean(0, 2, random() < 0.5 ? 'completed' : 'delayed')],
  ];
}

test.concurrent.each([
  { seed: 1, way: {}, isWatched: false },
  { seed: 2, way: { maxEntriesInOneStep: 0, pageSize: 3 }, isWatched: false },
  { seed: 3, way: { maxEntriesInOneStep: 20, pageSize: 7 }, isWatched: false },
  { seed: 4, way: {}, isWatched: true },
  { seed: 5, way: { maxEntriesInOneStep: 0, pageSize: 3 }, isWatched: true },
])('after any operations the increments are as a full backup: $seed', async ({ seed, way, isWatched }) => {
  const name = `random-${seed}`;
  const random = randomOf(seed);
  const flows = new FlowProducer({ connection: t.redis });
  const worker = new Worker(name, null, { connection: { ...t.target, maxRetriesPerRequest: null }, autorun: false });
  flows.on('error', () => {});
  worker.on('error', () => {});
  const operations = operationsOn(name, random, flows, worker);
  const all = operations.reduce((sum, [weight]) => sum + weight, 0);
  const ref = { prefix: 'bull', name };
  const watch = isWatched ? await WriteWatch.open(t.target, [ref], { clientName: name }) : undefined;
  const increments = new Increments(t.redis, ref, way, watch);
  let changed = 0;
  let refused = 0;
  for (let n = 0; n < OPERATIONS; n++) {
    let dice = random() * all;
    const [, run] = operations.find(([weight]) => (dice -= weight) < 0)!;
    // Many are for a job in another state.
    await run().catch(() => refused++);
    if (n % 5 !== 4) continue;
    changed += (await increments.take()).length;
    if (n % 25 === 24) increments.forget();
    expect(comparable(increments.merged())).toEqual(comparable(await takeSnapshot(t.redis, ref)));
  }
  expect(changed).toBeGreaterThan(50);
  expect(watch?.isOn).toBe(isWatched ? true : undefined);
  watch?.close();
  expect(refused).toBeLessThan(OPERATIONS / 2);
  await Promise.all([flows.close(), worker.close(true)]);
});
