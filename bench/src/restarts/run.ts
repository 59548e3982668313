import { Queue, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually, startRedis, type ChildHandle } from '@redis-queue/rig';
import { percentile } from '../measuring/percentile.ts';
import { startPod } from '../worker/start-pod.ts';
import { TIMES, type TimedJob } from '../worker/timed-job.ts';

// A pod with two processes, beside a worker without a name. One of the two is killed while all three are full of jobs,
// and started again under the pod's name, over and over. Every other job fails at first, so that it runs on a worker
// which BullMQ's note of who ran it before does not name.

const SLOTS = 2;
const JOBS = 3 * SLOTS;
const PATIENCE = { timeoutMs: 120_000, intervalMs: 20 };

export interface RestartsOptions {
  rounds: number;
  /** Pods that do this side by side, each with a queue of its own. */
  pods: number;
  /** How long jobs run at least, and at most twice as long; none ends before its pod's other process is back. */
  runMs: number;
  note: (line: string) => void;
}

export interface Restarts {
  rounds: number;
  jobs: number;
  completedTwice: number;
  lost: number;
  /** Stalls of jobs whose process lived. */
  robbed: number;
  /** Jobs of living processes that ran when the process that was started again had connected. */
  ranBeside: number;
  /** Jobs of killed processes that were not taken over: they ran again once their locks had ended. */
  waitedForLocks: number;
  takeOverP50Ms: number;
  takeOverMaxMs: number;
}

interface Round {
  robbed: number;
  ranBeside: number;
  takenOver: number;
  /** From the kill on, and so with the start of the next process; of each job that it had. */
  tookMs: number[];
}

export async function runRestarts({ rounds, pods, runMs, note }: RestartsOptions): Promise<Restarts> {
  await using server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  const done: Round[] = [];
  const stands = Array.from({ length: pods }, (_, at) => new Stand(redis, server.url, at, runMs));
  let begun = 0;
  await Promise.all(
    stands.map(async (stand) => {
      while (begun++ < rounds) {
        // oxlint-disable-next-line no-await-in-loop -- a pod dies once at a time
        done.push(await stand.round());
        if (done.length % 10 === 0) note(`${done.length} of ${rounds} rounds`);
      }
    }),
  );
  const completed = await Promise.all(stands.map((stand) => stand.completed()));
  const completions = (await redis.hvals(TIMES.completions)).map(Number);
  await Promise.all(stands.map((stand) => stand.stop()));
  redis.disconnect();
  const tookMs = done.flatMap((round) => round.tookMs);
  return {
    rounds: done.length,
    jobs: JOBS * done.length,
    completedTwice: completions.filter((count) => count > 1).length,
    lost: JOBS * done.length - sum(completed),
    robbed: sum(done.map(({ robbed }) => robbed)),
    ranBeside: sum(done.map(({ ranBeside }) => ranBeside)),
    waitedForLocks: tookMs.length - sum(done.map((round) => round.takenOver)),
    takeOverP50Ms: Math.round(percentile(tookMs, 0.5)),
    takeOverMaxMs: Math.round(Math.max(...tookMs)),
  };
}

function sum(counts: number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** A pod of two processes and the worker beside it, on a queue of their own. */
class Stand {
  readonly #redis: Redis;
  readonly #queue: Queue;
  readonly #runMs: number;
  readonly #start: (plain: boolean) => ChildHandle;
  readonly #lasting: ChildHandle[];
  #victim: ChildHandle;
  #rounds = 0;

  constructor(redis: Redis, redisUrl: string, at: number, runMs: number) {
    const queue = `stand-${at}`;
    this.#redis = redis;
    this.#runMs = runMs;
    this.#queue = new Queue(queue, { connection: redis, skipMetasUpdate: true });
    this.#start = (plain) =>
      startPod({ name: `pod-${at}`, redisUrl, queues: [queue], concurrency: SLOTS, plain, timed: true });
    this.#lasting = [this.#start(false), this.#start(true)];
    this.#victim = this.#start(false);
  }

  async round(): Promise<Round> {
    const until = `${this.#queue.name}:round-${this.#rounds++}-may-end`;
    const jobs = await this.#queue.addBulk(
      Array.from({ length: JOBS }, (_, at) => {
        const runMs = this.#runMs * (1 + Math.random());
        const data: TimedJob = { runMs, until, failsFirst: at % 2 === 1 };
        return { name: 'job', data, opts: { attempts: 2 } };
      }),
    );
    const keys = jobs.map((job) => this.#keyOf(job));
    await eventually(async () => {
      const starts = await this.#redis.hmget(TIMES.starts, ...keys);
      return starts.every((count, at) => Number(count) === 1 + (at % 2));
    }, PATIENCE);
    const processes = await this.#redis.hmget(TIMES.process, ...keys);
    const isVictims = processes.map((pid) => Number(pid) === this.#victim.pid);
    const killedMs = Date.now();
    await this.#victim.stop('SIGKILL');
    this.#victim = this.#start(false);
    await this.#victim.waitForLine(/connected to Redis/, PATIENCE);
    // where the machine is too busy to start a process before the locks have ended, nothing is left to take over
    const runsAgain = async (): Promise<boolean> => {
      const startedAt = await this.#redis.hmget(TIMES.startedAt, ...keys);
      return startedAt.some((ms, at) => isVictims[at] && Number(ms) > killedMs);
    };
    // those of the others run all the time
    await eventually(async () => takenOver(this.#victim) > 0 || (await runsAgain()), PATIENCE);
    const states = await Promise.all(jobs.map(async (job) => await job.getState()));
    await this.#redis.set(until, '', 'EX', 600);
    await eventually(async () => {
      const completions = await this.#redis.hmget(TIMES.completions, ...keys);
      return completions.every((count) => count !== null) && (await this.#queue.getActiveCount()) === 0;
    }, PATIENCE);
    const ended = (await Promise.all(jobs.map(async ({ id }) => await this.#queue.getJob(id!)))) as Job[];
    const startedAt = await this.#redis.hmget(TIMES.startedAt, ...keys);
    return {
      robbed: ended.filter(({ stalledCounter }, at) => !isVictims[at] && stalledCounter > 0).length,
      ranBeside: states.filter((state, at) => !isVictims[at] && state === 'active').length,
      takenOver: takenOver(this.#victim),
      // one that had just ended is not run again
      tookMs: startedAt.flatMap((ms, at) => (isVictims[at] && Number(ms) > killedMs ? [Number(ms) - killedMs] : [])),
    };
  }

  async completed(): Promise<number> {
    return await this.#queue.getCompletedCount();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#lasting, this.#victim].map((pod) => pod.stop('SIGKILL')));
  }

  #keyOf({ id }: Job): string {
    return `${this.#queue.name}:${id}`;
  }
}

/** How many jobs a process says that it has taken over. */
function takenOver({ lines }: ChildHandle): number {
  const counts = lines.map((line) => /"jobs":(\d+),"msg":"a process of this pod died/.exec(line)?.[1] ?? 0);
  return sum(counts.map(Number));
}
