import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, type Job } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually, startRedis, type ChildHandle } from '@redis-queue/rig';
import { startPod } from '../worker/start-pod.ts';
import { TIMES, type TimedJob } from '../worker/timed-job.ts';

const QUEUE = 'poisoned';
const LOOK = { intervalMs: 100 };

export interface PoisonOptions {
  jobs: number;
  pods: number;
  concurrency: number;
  runMs: number;
  /** How long a container that has ended for the nth time stays down, as the kubelet's back-off. */
  downMs: (times: number) => number;
  timeoutMs: number;
}

export interface Poison {
  completed: number;
  /** State of the job that kills its process. */
  killer: string;
  reason: string;
  seconds: number;
  /** What the same jobs take when none kills. */
  idealSeconds: number;
  kills: number;
  /** Runs of other jobs that ended with their process. */
  neighboursStalled: number;
  /** Of one neighbour. */
  mostStalls: number;
}

/** One job of many kills its process whenever it runs; a container that ended is started again, as the kubelet does. */
export async function runPoison(options: PoisonOptions): Promise<Poison> {
  const { jobs: count, pods, concurrency, runMs, downMs, timeoutMs } = options;
  await using bed = await Bed.open();
  const killerAt = Math.floor(count / 2);
  const jobs = await bed.add(count, (at) => (at === killerAt ? { runMs: runMs / 4, kills: true } : { runMs }));
  const startedMs = performance.now();
  const fleet = Array.from({ length: pods }, (_, at) => bed.keepRunning(`pod-${at}`, concurrency, downMs));
  await bed.untilEnded(count, timeoutMs);
  const seconds = (performance.now() - startedMs) / 1000;
  const ended = await bed.read(jobs);
  const killer = ended[killerAt]!;
  const stalls = ended.filter((job) => job !== killer).map(({ stalledCounter }) => stalledCounter);
  return {
    completed: await bed.queue.getCompletedCount(),
    killer: await killer.getState(),
    reason: killer.failedReason,
    seconds: rounded(seconds),
    idealSeconds: rounded(Math.ceil(count / (pods * concurrency)) * (runMs / 1000)),
    kills: fleet.reduce((sum, pod) => sum + pod.ends(), 0),
    neighboursStalled: stalls.reduce((sum, each) => sum + each, 0),
    mostStalls: Math.max(...stalls),
  };
}

export interface LossOptions {
  jobs: number;
  pods: number;
  concurrency: number;
  runMs: number;
  /** How often the jobs lose their pod before others run them. */
  losses: number;
  timeoutMs: number;
}

export interface Loss {
  suspects: number;
  losses: number;
  completed: number;
  /** From the first of them that ran again. */
  seconds: number;
  /** What they take with all slots. */
  idealSeconds: number;
}

/** A pod with many jobs is lost, none of which is to blame: how long until others have run them? */
export async function runLoss(options: LossOptions): Promise<Loss> {
  const { jobs: count, pods, concurrency, runMs, losses, timeoutMs } = options;
  await using bed = await Bed.open();
  const jobs = await bed.add(count, () => ({ runMs: 3_600_000 }));
  for (let lost = 1; lost <= losses; lost++) {
    // Room for all of them also the second time, when half of the slots are for jobs that stalled before.
    const pod = bed.start('lost', 2 * count);
    // oxlint-disable-next-line no-await-in-loop -- one loss after the other
    await bed.untilStarted(lost * count, timeoutMs);
    // oxlint-disable-next-line no-await-in-loop
    await pod.stop('SIGKILL');
  }
  await Promise.all(jobs.map(async (job) => await job.updateData({ runMs } satisfies TimedJob)));
  const fleet = Array.from({ length: pods }, (_, at) => bed.start(`pod-${at}`, concurrency));
  await bed.untilEnded(count, timeoutMs);
  const endedMs = Date.now();
  await Promise.all(fleet.map((pod) => pod.stop()));
  return {
    suspects: count,
    losses,
    completed: await bed.queue.getCompletedCount(),
    seconds: rounded((endedMs - (await bed.firstStartMs())) / 1000),
    idealSeconds: rounded(Math.ceil(count / (pods * concurrency)) * (runMs / 1000)),
  };
}

/** A Redis with one queue, and pods as processes. */
class Bed implements AsyncDisposable {
  readonly queue: Queue;
  readonly #redis: Redis;
  readonly #server: Awaited<ReturnType<typeof startRedis>>;
  readonly #pods = new Set<ChildHandle>();
  readonly #over = new AbortController();

  private constructor(server: Awaited<ReturnType<typeof startRedis>>) {
    this.#server = server;
    this.#redis = new Redis(server.url, { maxRetriesPerRequest: null });
    this.queue = new Queue(QUEUE, { connection: this.#redis, skipMetasUpdate: true });
  }

  static async open(): Promise<Bed> {
    return new Bed(await startRedis());
  }

  async add(count: number, dataOf: (at: number) => TimedJob): Promise<Job[]> {
    return await this.queue.addBulk(
      Array.from({ length: count }, (_, at) => ({ name: 'job', data: dataOf(at), opts: { attempts: 3 } })),
    );
  }

  start(name: string, concurrency: number): ChildHandle {
    const pod = startPod({ name, redisUrl: this.#server.url, queues: [QUEUE], concurrency, timed: true });
    this.#pods.add(pod);
    return pod;
  }

  /** Starts a pod's container again whenever it has ended. */
  keepRunning(name: string, concurrency: number, downMs: (times: number) => number): { ends: () => number } {
    let ends = 0;
    const keep = async (): Promise<void> => {
      for (;;) {
        const pod = this.start(name, concurrency);
        // oxlint-disable-next-line no-await-in-loop -- one container after the other
        await pod.exited;
        if (this.#over.signal.aborted) return;
        ends++;
        // oxlint-disable-next-line no-await-in-loop
        await sleep(downMs(ends), undefined, { signal: this.#over.signal }).catch(() => undefined);
        if (this.#over.signal.aborted) return;
      }
    };
    void keep();
    return { ends: () => ends };
  }

  async untilEnded(count: number, timeoutMs: number): Promise<void> {
    await eventually(
      async () => {
        const { completed = 0, failed = 0 } = await this.queue.getJobCounts('completed', 'failed');
        return completed + failed === count;
      },
      { ...LOOK, timeoutMs, description: `${count} jobs to end` },
    );
  }

  /** Waits until so many runs began. */
  async untilStarted(count: number, timeoutMs: number): Promise<void> {
    const started = async (): Promise<boolean> =>
      (await this.#redis.hvals(TIMES.starts)).reduce((sum, starts) => sum + Number(starts), 0) === count;
    await eventually(started, { ...LOOK, timeoutMs, description: `${count} runs to begin` });
  }

  /** When the job whose last run began first did. */
  async firstStartMs(): Promise<number> {
    return Math.min(...(await this.#redis.hvals(TIMES.startedAt)).map(Number));
  }

  async read(jobs: readonly Job[]): Promise<Job[]> {
    return (await Promise.all(jobs.map(async ({ id }) => await this.queue.getJob(id!)))) as Job[];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await Promise.all([...this.#pods].map((pod) => pod.stop('SIGKILL')));
    this.#redis.disconnect();
    await this.#server.stop();
  }
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
