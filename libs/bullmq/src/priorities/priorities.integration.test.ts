import type { Job, Queue } from 'bullmq';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { QueueRef } from '../redis/keys.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { clampPriorities, tryCountPriorities, type ClampedJobs } from './priorities.ts';
import { clampTo } from './declared.ts';
import type { StepFence } from '../rounds/step.ts';
import { priorityRound } from './priority-round.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

const DECLARED = [1, 5, 10];
const fence: StepFence = { mark: 'A', untilMs: Date.now() + 3_600_000 };

/** A queue that is ours, with a producer. */
async function ours(name: string): Promise<{ ref: QueueRef; queue: Queue }> {
  const ref = { prefix: 'bull', name };
  const queue = t.producer(ref);
  await queue.waitUntilReady();
  await t.redis.hset(`bull:${name}:meta`, OWNER_FIELD, 'A');
  return { ref, queue };
}

/** Adds a job per priority, 0 for none, named by it and its turn. */
async function add(queue: Queue, priorities: readonly number[]): Promise<Job[]> {
  return queue.addBulk(
    priorities.map((priority, turn) => ({ name: `${priority}-${turn}`, data: {}, opts: { priority } })),
  );
}

const step = async (ref: QueueRef, declared = DECLARED): Promise<ClampedJobs> =>
  clampPriorities(t.redis, ref, { ...fence, clamping: clampTo(declared) });
const counts = async (queue: QueueRef, priorities: readonly number[] = DECLARED) =>
  (await tryCountPriorities(t.redis, [{ queue, priorities }]))[0];

/** Runs what is ready, one at a time. @returns the names in the order in which they ran. */
async function runAll(ref: QueueRef, jobs: number): Promise<string[]> {
  const ran: string[] = [];
  const worker = t.worker(ref, (job) => Promise.resolve(void ran.push(job.name)));
  await expect.poll(() => ran.length, { timeout: 20_000 }).toBe(jobs);
  await worker.close();
  return ran;
}

test('jobs without a declared priority are counted, and a queue that cannot be read costs no other its counts', async () => {
  const { ref, queue } = await ours('counted');
  await add(queue, [0, 0, 1, 2, 5, 5, 7, 10, 11, 2_097_151]);
  await queue.add('later', {}, { priority: 3, delay: 60_000 });
  expect(await counts(ref)).toMatchObject({ withoutPriority: 2, undeclared: 4, declared: [1, 2, 1] });
  await t.redis.set('bull:text:prioritized', 'x');
  const wrong = { prefix: 'bull', name: 'text' };
  const both = await tryCountPriorities(t.redis, [
    { queue: wrong, priorities: [1] },
    { queue: ref, priorities: [2, 11] },
  ]);
  expect(both).toMatchObject([
    { message: expect.stringContaining('WRONGTYPE') },
    { withoutPriority: 2, undeclared: 6, declared: [1, 1] },
  ]);
});

test('workers run clamped jobs behind those that have the priority, in the order in which they were added', async () => {
  const { ref, queue } = await ours('order');
  const jobs = await add(queue, [0, 1, 0, 3, 7, 7, 8, 5, 3, 2, 2_097_151, 10]);
  expect(await step(ref)).toMatchObject({ outcome: 'done', withoutPriority: 2, undeclared: 7, more: false });
  expect(await counts(ref)).toMatchObject({ withoutPriority: 0, undeclared: 0, declared: [4, 5, 3] });
  expect(await step(ref)).toMatchObject({ withoutPriority: 0, undeclared: 0 });
  // As after BullMQ's own changePriority: retries keep it.
  expect(await Promise.all(jobs.map(async (job) => (await queue.getJob(job.id!))?.priority))).toEqual([
    1, 1, 1, 5, 5, 5, 10, 5, 5, 1, 10, 10,
  ]);
  expect(await runAll(ref, 12)).toEqual(
    ['1-1', '0-0', '0-2', '2-9'].concat(['5-7', '3-3', '3-8', '7-4', '7-5'], ['10-11', '8-6', '2097151-10']),
  );
});

test('LIFO jobs are served before others without a priority, and stay so', async () => {
  const { ref, queue } = await ours('lifo');
  await add(queue, [0, 0]);
  await queue.add('last', {}, { lifo: true });
  await step(ref);
  expect(await runAll(ref, 3)).toEqual(['last', '0-0', '0-1']);
});

test('a step moves a hundred jobs, and many steps by two movers move each job once while a worker runs', async () => {
  const { ref, queue } = await ours('many');
  const jobs = 1_500;
  await add(
    queue,
    Array.from({ length: jobs }, (_, index) => (index % 3 === 0 ? 7 : 0)),
  );
  const first = await step(ref, [3]);
  expect(first).toMatchObject({ withoutPriority: 100, more: true });
  const mover = async (): Promise<void> => {
    while ((await step(ref, [3])).more);
  };
  const running = runAll(ref, jobs);
  await Promise.all([mover(), mover()]);
  const ran = await running;
  expect(new Set(ran).size).toBe(jobs);
  expect(ran).toHaveLength(jobs);
  expect(await queue.getJobCounts('wait', 'prioritized', 'active', 'completed')).toEqual({
    wait: 0,
    prioritized: 0,
    active: 0,
    completed: jobs,
  });
});

test('workers that wait hear of jobs that were moved', async () => {
  const { ref, queue } = await ours('idle');
  await queue.pause();
  await add(queue, [0, 7]);
  await step(ref);
  // A paused queue wakes nobody.
  expect(await t.redis.exists('bull:idle:marker')).toBe(0);
  await t.redis.hdel('bull:idle:meta', 'paused');
  await add(queue, [0]);
  await t.redis.del('bull:idle:marker');
  await step(ref);
  expect(await t.redis.zscore('bull:idle:marker', '0')).toBe('0');
  expect(await runAll(ref, 3)).toEqual(['0-0', '0-0', '7-1']);
});

test('the jobs of a queue that BullMQ 5 paused are given priorities too, and its old markers go', async () => {
  const { ref, queue } = await ours('legacy');
  await add(queue, [0, 0]);
  await t.redis.rename('bull:legacy:wait', 'bull:legacy:paused');
  await t.redis.rpush('bull:legacy:paused', '0:123');
  await step(ref);
  expect(await t.redis.exists('bull:legacy:paused', 'bull:legacy:wait')).toBe(0);
  expect(await counts(ref)).toMatchObject({ withoutPriority: 0, undeclared: 0, declared: [2, 0, 0] });
  expect(await runAll(ref, 2)).toEqual(['0-0', '0-1']);
});

test('a job whose worker died goes in front of those with its priority', async () => {
  const { ref, queue } = await ours('stalled');
  const [first, second] = await add(queue, [5, 5]);
  // As BullMQ puts a stalled job: at the serving end of the jobs without a priority.
  await t.redis.zrem('bull:stalled:prioritized', second!.id!);
  await t.redis.rpush('bull:stalled:wait', second!.id!);
  await step(ref);
  expect(await t.redis.zrange('bull:stalled:prioritized', 0, '-1')).toEqual([second!.id, first!.id]);
});

// Wall 4: the script that moves checks what decides.
test('nothing is moved under another mark, by a step that comes too late, or of a job that is gone', async () => {
  const { ref, queue } = await ours('fenced');
  await add(queue, [0, 7]);
  const clamping = clampTo(DECLARED);
  await expect(clampPriorities(t.redis, ref, { ...fence, mark: 'B', clamping })).resolves.toMatchObject({
    outcome: 'ownershipLost',
  });
  await expect(
    clampPriorities(t.redis, ref, { mark: 'A', untilMs: Date.now() - 1_000, clamping }),
  ).resolves.toMatchObject({ outcome: 'late' });
  expect(await counts(ref)).toMatchObject({ withoutPriority: 1, undeclared: 1, declared: [0, 0, 0] });
  await t.redis.rpush('bull:fenced:wait', 'gone', 'wait');
  await t.redis.zadd('bull:fenced:prioritized', 7 * 2 ** 32, 'gone too');
  expect(await step(ref)).toMatchObject({ withoutPriority: 3, undeclared: 2 });
  expect(await t.redis.exists('bull:fenced:gone', 'bull:fenced:gone too')).toBe(0);
});

test('a list of another type is left as it is, and said', async () => {
  const { ref } = await ours('text-list');
  await t.redis.set('bull:text-list:wait', 'text');
  await expect(step(ref)).rejects.toThrow('WRONGTYPE');
});

test('a round counts the jobs of all queues, and gives a priority to those of queues that clamp', async () => {
  const names = ['round-clamps', 'round-reports', 'round-other'];
  const queues = await Promise.all(names.map((name) => ours(name)));
  await Promise.all(
    queues.map(({ queue }) =>
      add(
        queue,
        Array.from({ length: 250 }, () => 0),
      ),
    ),
  );
  const [clamps, reports, other] = queues.map(({ ref }) => ({ queue: ref, mark: 'A', priorities: [5], clamps: true }));
  await t.redis.set('bull:round-text:prioritized', 'x');
  const text = { ...clamps!, queue: { prefix: 'bull', name: 'round-text' } };
  const rests: number[] = [];
  const results = await priorityRound([clamps!, { ...reports!, clamps: false }, { ...other!, mark: 'B' }, text], {
    call: (run) => run(t.redis),
    now: () => performance.now(),
    sleep: (ms) => Promise.resolve(void rests.push(ms)),
    random: () => 0,
    roundMs: 60_000,
    signal: new AbortController().signal,
  });
  expect(results).toMatchObject([
    { counts: { withoutPriority: 250 }, clamped: 250, unfinished: false },
    { counts: { withoutPriority: 250 }, clamped: 0, unfinished: false },
    { counts: { withoutPriority: 250 }, clamped: 0, ownershipLost: true },
    { clamped: 0, error: { message: expect.stringContaining('WRONGTYPE') } },
  ]);
  expect(rests).toHaveLength(4);
  expect(await counts(queues[0]!.ref, [5])).toMatchObject({ withoutPriority: 0, declared: [250] });
});
