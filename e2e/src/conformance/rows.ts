import assert from 'node:assert/strict';
import { POOL } from './pod-template.ts';
import type { Pod } from './runtime.ts';
import type { Stage } from './stage.ts';

/** How much of the pod contract an image keeps; each level includes those below it. See docs/pod-contract.md. */
export type Level = 0 | 1 | 2;

/** One thing that the contract asks of an image. */
export interface Row {
  readonly level: Level;
  readonly what: string;
  /** Takes half a minute or longer: locks have to end. */
  readonly slow?: boolean;
  /** Throws with what is wrong. */
  readonly check: (stage: Stage) => Promise<void>;
}

/** Longer than any row waits. */
const ENDLESS_MS = 600_000;
/** Drain times of a pod that asks its jobs to stop after half a second, and is gone after 3 s. */
const HASTY = { drainPolicy: { gracePeriod: '500ms', maxDrainTime: '3s' } };
const AT_ONCE = [{ name: 'a' }];

async function statusOf(pod: Pod, path: string): Promise<number | undefined> {
  return (await pod.get(path))?.status;
}

async function leave(stage: Stage, pod: Pod, withinMs: number): Promise<void> {
  await pod.terminate();
  await stage.until(`the pod to end within ${withinMs / 1000} s of SIGTERM`, pod.ended, withinMs);
}

/** What a job that was handed back has cost: a start, and nothing else. */
async function assertHandedBack(stage: Stage, id: string): Promise<void> {
  const job = (await stage.queue('a').getJob(id))!;
  const { attemptsMade: attempts, stalledCounter: stalls } = job;
  assert.deepEqual({ state: await job.getState(), attempts, stalls }, { state: 'waiting', attempts: 0, stalls: 0 });
}

const LEVEL_0: readonly Omit<Row, 'level'>[] = [
  {
    what: 'runs the jobs of every queue in RQ_QUEUES, from the Redis of REDIS_URL, and says who runs them (RQ_POD_NAME)',
    check: async (stage) => {
      const [id] = await stage.add('a', 3, 50);
      await stage.add('b', 3, 50);
      const pod = await stage.start('pod-0', [{ name: 'a' }, { name: 'b' }]);
      await stage.untilCompleted('a', 3);
      await stage.untilCompleted('b', 3);
      assert.equal((await stage.queue('a').getJob(id!))?.processedBy, pod.name);
    },
  },
  {
    what: 'never runs more jobs at once than RQ_CONCURRENCY, over all its queues',
    check: async (stage) => {
      await stage.add('a', 8, 300);
      await stage.add('b', 8, 300);
      await stage.start('pod-0', [{ name: 'a' }, { name: 'b' }]);
      const [a, b] = [stage.queue('a'), stage.queue('b')];
      const counts: number[] = [];
      await stage.until('16 jobs to complete', async () => {
        counts.push((await a.getActiveCount()) + (await b.getActiveCount()));
        return (await a.getCompletedCount()) + (await b.getCompletedCount()) === 16;
      });
      assert.equal(Math.max(...counts), 2);
    },
  },
  {
    what: "keeps within a queue's global concurrency",
    check: async (stage) => {
      await stage.queue('a').setGlobalConcurrency(1);
      await stage.add('a', 4, 200);
      await stage.start('pod-0', AT_ONCE);
      const counts: number[] = [];
      await stage.until('4 jobs to complete', async () => {
        counts.push(await stage.queue('a').getActiveCount());
        return (await stage.queue('a').getCompletedCount()) === 4;
      });
      assert.equal(Math.max(...counts), 1);
    },
  },
  {
    what: 'on SIGTERM takes no more jobs, finishes those that run, and ends',
    check: async (stage) => {
      await stage.add('a', 4, 5_000);
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.untilActive('a', 2);
      await leave(stage, pod, 20_000);
      const { waiting, active, completed, failed } = await stage.queue('a').getJobCounts();
      assert.deepEqual({ waiting, active, completed, failed }, { waiting: 2, active: 0, completed: 2, failed: 0 });
    },
  },
  {
    what: 'after SIGKILL has its jobs run again elsewhere within 90 s, at the cost of a stall each',
    slow: true,
    check: async (stage) => {
      const [id] = await stage.add('a', 1, ENDLESS_MS);
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.untilActive('a', 1);
      const other = await stage.start('pod-1', AT_ONCE);
      await pod.kill();
      const again = async (): Promise<boolean> => (await stage.queue('a').getJob(id!))?.processedBy === other.name;
      await stage.until('the job to run on another pod', again, 90_000);
      assert.equal((await stage.queue('a').getJob(id!))?.stalledCounter, 1);
    },
  },
];

const LEVEL_1: readonly Omit<Row, 'level'>[] = [
  {
    what: 'answers /livez and /readyz on RQ_HTTP_PORT, and is not ready while it drains',
    check: async (stage) => {
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.until('/readyz to answer 200', async () => (await statusOf(pod, '/readyz')) === 200);
      assert.equal(await statusOf(pod, '/livez'), 200);
      await stage.add('a', 1, 15_000);
      await stage.untilActive('a', 1);
      await pod.terminate();
      await stage.until('/readyz to answer 503', async () => (await statusOf(pod, '/readyz')) === 503, 10_000);
      assert.equal(await statusOf(pod, '/livez'), 200);
    },
  },
  {
    what: 'is alive and not ready while Redis is away, and goes on by itself',
    check: async (stage) => {
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.until('/readyz to answer 200', async () => (await statusOf(pod, '/readyz')) === 200);
      await stage.server.kill9();
      await stage.until('/readyz to answer 503', async () => (await statusOf(pod, '/readyz')) === 503);
      assert.equal(await statusOf(pod, '/livez'), 200);
      await stage.server.restart();
      await stage.until('/readyz to answer 200', async () => (await statusOf(pod, '/readyz')) === 200);
      await stage.add('a', 2, 50);
      await stage.untilCompleted('a', 2);
    },
  },
  {
    what: 'hands back what runs before RQ_MAX_DRAIN_TIME_MS, at no cost, to the front of its queue in the order of starts',
    check: async (stage) => {
      const ids = await stage.add('a', 2, ENDLESS_MS);
      const pod = await stage.start('pod-0', AT_ONCE, HASTY);
      await stage.untilActive('a', 2);
      const [behind] = await stage.add('a', 1, ENDLESS_MS);
      await leave(stage, pod, 6_000);
      for (const id of ids) await assertHandedBack(stage, id);
      const next = (await stage.queue('a').getWaiting()).map(({ id }) => id);
      assert.deepEqual(next, [...ids, behind]);
    },
  },
  {
    what: 'hands back at once on a second SIGTERM',
    check: async (stage) => {
      const [id] = await stage.add('a', 1, ENDLESS_MS);
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.untilActive('a', 1);
      await pod.terminate();
      await stage.until('the pod to drain', async () => (await statusOf(pod, '/readyz')) !== 200, 10_000);
      await leave(stage, pod, 5_000);
      await assertHandedBack(stage, id!);
    },
  },
  {
    what: 'fails a job that runs for longer than jobTimeoutMs of its queue, by its attempts',
    check: async (stage) => {
      const [id] = await stage.add('a', 1, ENDLESS_MS, { attempts: 2, backoff: 50 });
      await stage.start('pod-0', [{ name: 'a', jobTimeoutMs: 500 }]);
      await stage.until('the job to fail', async () => (await stage.queue('a').getFailedCount()) === 1);
      assert.equal((await stage.queue('a').getJob(id!))?.attemptsMade, 2);
    },
  },
  {
    what: 'serves redis_queue_worker_jobs_total, …_job_run_seconds, …_slots and …_redis_connected at /metrics',
    check: async (stage) => {
      await stage.add('a', 2, 50);
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.untilCompleted('a', 2);
      await stage.until('the jobs to be counted', async () => {
        const { body = '' } = (await pod.get('/metrics')) ?? {};
        const [queue] = stage.subject.queues;
        for (const line of [
          `redis_queue_worker_jobs_total{queue="${queue}",outcome="completed"} 2`,
          `redis_queue_worker_job_run_seconds_count{queue="${queue}"} 2`,
          'redis_queue_worker_slots{state="free"} 2',
          'redis_queue_worker_redis_connected 1',
        ]) {
          assert.ok(body.split('\n').includes(line), `no line ${line}`);
        }
        return true;
      });
    },
  },
  {
    what: 'reports what it used and its level beside its first queue, at the latest as it leaves',
    check: async (stage) => {
      await stage.add('a', 2, 100);
      const pod = await stage.start('pod-0', AT_ONCE);
      await stage.untilCompleted('a', 2);
      await leave(stage, pod, 10_000);
      const report = await stage.redis.hget(`bull:a:rq:usage:${stage.namespace}/${POOL}`, pod.name);
      assert.match(report ?? '', /^\d+ \{"format":1,.*"jobs":2/);
      assert.match(report ?? '', /"contract":[1-9]/);
    },
  },
];

const LEVEL_2: readonly Omit<Row, 'level'>[] = [
  {
    what: 'shares its slots by the weights in RQ_QUEUES while several queues have work',
    check: async (stage) => {
      const [first, second] = stage.subject.queues;
      assert.ok(second, 'needs an image with handlers for two queues: QUEUE=emails,receipts');
      for (const name of ['a', 'b']) {
        await stage.queue(name).pause();
        await stage.add(name, 100, 20);
      }
      const queues = [
        { name: 'a', queue: first!, weight: 3 },
        { name: 'b', queue: second },
      ];
      await stage.start('pod-0', queues, { concurrency: 4 });
      for (const name of ['a', 'b']) await stage.queue(name).resume();
      await stage.until('half of the jobs to complete', async () => (await stage.queue('a').getCompletedCount()) >= 75);
      const { completed: ofA = 0 } = await stage.queue('a').getJobCounts('completed');
      const { completed: ofB = 0 } = await stage.queue('b').getJobCounts('completed');
      assert.ok(Math.abs(ofA / (ofA + ofB) - 0.75) < 0.08, `${ofA} of ${ofA + ofB} jobs were of weight 3 in 4`);
    },
  },
  {
    what: 'takes back the jobs of a container that died as soon as the next one of the same pod starts',
    check: async (stage) => {
      const [id] = await stage.add('a', 1, ENDLESS_MS);
      const pod = await stage.start('pod-0', AT_ONCE, { restarts: true });
      await stage.untilActive('a', 1);
      await pod.kill();
      await stage.until('/readyz to answer 200', async () => (await statusOf(pod, '/readyz')) === 200);
      const again = async (): Promise<boolean> => (await stage.queue('a').getJob(id!))?.attemptsStarted === 2;
      await stage.until('the job to run again', again, 12_000);
    },
  },
];

/** What the contract asks for, by level. */
export const ROWS: readonly Row[] = [LEVEL_0, LEVEL_1, LEVEL_2].flatMap((rows, level) =>
  rows.map((row) => ({ level: level as Level, ...row })),
);
