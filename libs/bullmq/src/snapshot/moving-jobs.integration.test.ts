import type { Job, Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import type { QueueRef } from '../redis/keys.ts';
import { testRedis, type TestRedis } from '../testing/test-redis.ts';
import { comparable, Increments, randomOf } from './changes.fixture.ts';
import { takeSnapshot } from './snapshot.fixture.ts';

// The contract of a snapshot that is read page by page: no job is missing that is there all the time.

let t: TestRedis;
beforeAll(async () => {
  t = await testRedis();
});
afterAll(() => t[Symbol.asyncDispose]());

interface Churn extends AsyncDisposable {
  /** Jobs that nobody removes. */
  readonly staying: readonly string[];
  readonly changes: () => number;
}

/** Workers fail and delay jobs again and again, and somebody changes, promotes, retries, adds and removes others. */
/** @param mostPriorities how often the priority of a job is changed. */
async function churn(ref: QueueRef, random: () => number, mostPriorities: number): Promise<Churn> {
  const queue = t.producer(ref);
  const options = () => ({
    attempts: 1_000,
    backoff: { type: 'fixed', delay: Math.floor(random() * 30) },
    ...(random() < 0.3 && { priority: 1 + Math.floor(random() * 5) }),
    ...(random() < 0.3 && { delay: Math.floor(random() * 2_000) }),
    ...(random() < 0.2 && { lifo: true }),
  });
  const add = async (count: number, ids?: string): Promise<Job[]> =>
    await queue.addBulk(
      Array.from({ length: count }, (_, n) => ({
        name: 'job',
        data: {},
        opts: { ...options(), ...(ids !== undefined && { jobId: `${ids}-${n}` }) },
      })),
    );
  const staying = [...(await add(100)), ...(await add(100, 'staying'))].map(({ id }) => id!);
  const others = await add(50);
  let changes = 0;
  const worker = t.worker(
    ref,
    async () => {
      changes++;
      if (random() < 0.8) throw new Error('again');
      await sleep(random() * 3);
    },
    { concurrency: 8 },
  );
  const priorities = new Map<string, number>();
  const step = async (job: Job): Promise<unknown> => {
    const dice = random();
    const changed = (priorities.get(job.id!) ?? 0) + 1;
    if (dice < 0.35 && changed > mostPriorities) return undefined;
    if (dice < 0.35) priorities.set(job.id!, changed);
    if (dice < 0.35) return await job.changePriority({ priority: Math.floor(random() * 4), lifo: random() < 0.5 });
    if (dice < 0.5) return await job.promote();
    if (dice < 0.6) return await job.changeDelay(random() * 500);
    if (dice < 0.9) return await job.retry(random() < 0.5 ? 'completed' : 'failed');
    const at = others.findIndex(({ id }) => id === job.id);
    if (at === -1) return undefined;
    const [removed] = others.splice(at, 1, ...(await add(1)));
    return await removed!.remove();
  };
  const over = new AbortController();
  const change = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const jobs = await pick(queue, random() < 0.7 ? staying : others.map(({ id }) => id!), random);
      // Most are in another state than the change takes.
      await Promise.allSettled(jobs.map(step));
      changes += jobs.length;
    }
  };
  const changing = [change(), change()];
  return {
    staying,
    changes: () => changes,
    async [Symbol.asyncDispose]() {
      over.abort();
      await Promise.all(changing);
      await worker.close(true);
    },
  };
}

async function pick(queue: Queue, ids: readonly string[], random: () => number): Promise<Job[]> {
  const chosen = Array.from({ length: 5 }, () => ids[Math.floor(random() * ids.length)]!);
  const jobs = await Promise.all(chosen.map((id) => queue.getJob(id) as Promise<Job | undefined>));
  return jobs.filter((job) => job !== undefined);
}

it.each(Array.from({ length: 20 }, (_, n) => n + 1))(
  'while jobs run, fail, wait, change and go, none is missing that stays: %i',
  async (seed) => {
    const ref = { prefix: 'bull', name: `moving-${seed}` };
    // Jobs in line are read at one instant, or walked three times: two changes of their priority cannot hide them.
    const [maxEntriesInOneStep, mostPriorities] = seed % 2 === 0 ? [0, 2] : [240, Infinity];
    await using moving = await churn(ref, randomOf(seed), mostPriorities);
    await expect.poll(moving.changes).toBeGreaterThan(50);
    const before = moving.changes();
    const held = await takeSnapshot(t.redis, ref, { maxEntriesInOneStep, pageSize: 3 + (seed % 8) });
    expect(moving.changes() - before).toBeGreaterThan(50);
    expect(held.queue.consistent).toBe(false);
    expect(moving.staying.filter((id) => !held.jobs.has(id) || !held.states.has(id))).toEqual([]);
  },
);

it.each([
  // Jobs in line are walked, read at one instant, or all jobs are.
  { seed: 21, maxEntriesInOneStep: 0, mostPriorities: 2 },
  { seed: 22, maxEntriesInOneStep: 240, mostPriorities: Infinity },
  { seed: 23, maxEntriesInOneStep: 50_000, mostPriorities: Infinity },
])('what changes while an increment is read is in it or in the next one: $seed', async (way) => {
  const { seed, maxEntriesInOneStep, mostPriorities } = way;
  const ref = { prefix: 'bull', name: `increments-${seed}` };
  const increments = new Increments(t.redis, ref, { maxEntriesInOneStep, pageSize: 3 + (seed % 8) });
  {
    await using moving = await churn(ref, randomOf(seed), mostPriorities);
    for (let point = 0; point < 4; point++) {
      const before = moving.changes();
      await increments.take();
      await expect.poll(() => moving.changes() - before).toBeGreaterThan(50);
      const held = increments.merged();
      expect(moving.staying.filter((id) => !held.jobs.has(id) || !held.states.has(id))).toEqual([]);
    }
  }
  await increments.take();
  expect(comparable(increments.merged())).toEqual(comparable(await takeSnapshot(t.redis, ref)));
});
