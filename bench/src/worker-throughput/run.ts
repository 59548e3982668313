import { Queue, type JobsOptions } from 'bullmq';
import { Redis } from 'ioredis';
import { startProcess, startRedis, type ChildHandle } from '@redis-queue/rig';
import { percentile } from '../measuring/percentile.ts';
import type { ArmOptions, Measured, Side, ThroughputJob } from './arm.ts';

const SIDES = ['plain', 'ours'] as const;
const READY = /^ready$|"connected to Redis"/;
/** How many jobs are added with one call. */
const AT_ONCE = 1_000;
const START_MS = 60_000;
const BATCH_MS = 120_000;

export interface Case {
  /** How long the handler of a job waits; 0: it does nothing at all. */
  runMs: number;
  /** Jobs at once, of each queue; a pod shares the sum of them. */
  concurrency: number;
  queues: number;
  /** Options of the jobs. */
  opts?: JobsOptions;
  /** Data of the jobs beside what their handler reads. */
  data?: object;
}

export interface CaseResult extends Case {
  jobs: number;
  pairs: number;
  /** Throughput of ours ÷ that of plain BullMQ, the median of the pairs. */
  ratio: number;
  /** The least and the greatest of a pair. */
  ratioMin: number;
  ratioMax: number;
  /** CPU time of our process ÷ that of plain BullMQ, the median of the pairs. */
  cpuRatio: number;
  plainPerS: number;
}

export interface ThroughputOptions {
  cases: readonly Case[];
  /** Measurements of each side, side by side; one more before them is not counted. */
  pairs: number;
  /** How long a measurement is to take about; the number of jobs follows from it. */
  batchMs: number;
  /** What Node is started with. */
  flags?: readonly string[];
  note: (result: CaseResult) => void;
}

/** For each case a process of each side, which take turns with as many jobs that stand ready. */
export async function runThroughput({ cases, flags = [], ...options }: ThroughputOptions): Promise<CaseResult[]> {
  await using server = await startRedis();
  const redis = new Redis(server.url, { maxRetriesPerRequest: null });
  const results: CaseResult[] = [];
  try {
    for (const one of cases) {
      // oxlint-disable-next-line no-await-in-loop -- one case at a time has the machine
      const result = await runCase(one, { ...options, flags, redis, redisUrl: server.url });
      options.note(result);
      results.push(result);
    }
    return results;
  } finally {
    redis.disconnect();
  }
}

interface Bed extends Omit<ThroughputOptions, 'cases'> {
  redis: Redis;
  redisUrl: string;
}

async function runCase(one: Case, bed: Bed): Promise<CaseResult> {
  const slots = one.concurrency * one.queues;
  const jobs = Math.max(2 * slots, one.queues * Math.ceil(bed.batchMs / msPerJob(one) / one.queues));
  await bed.redis.flushall();
  const arms = Object.fromEntries(SIDES.map((side) => [side, new Arm(side, one, jobs, bed)])) as Record<Side, Arm>;
  try {
    await Promise.all(SIDES.map(async (side) => await arms[side].ready()));
    const measured: Record<Side, Measured>[] = [];
    for (let pair = 0; pair <= bed.pairs; pair++) {
      const pairOf = {} as Record<Side, Measured>;
      // oxlint-disable-next-line no-await-in-loop -- the sides take turns
      for (const side of pair % 2 === 0 ? SIDES : SIDES.toReversed()) pairOf[side] = await arms[side].batch();
      if (pair > 0) measured.push(pairOf);
    }
    const ratios = measured.map(({ plain, ours }) => plain.wallMs / ours.wallMs);
    const cpuRatios = measured.map(({ plain, ours }) => ours.cpuMs / plain.cpuMs);
    const plainMs = measured.map(({ plain }) => plain.wallMs);
    return {
      ...one,
      jobs,
      pairs: measured.length,
      ratio: percentile(ratios, 0.5),
      ratioMin: Math.min(...ratios),
      ratioMax: Math.max(...ratios),
      cpuRatio: percentile(cpuRatios, 0.5),
      plainPerS: Math.round(jobs / (percentile(plainMs, 0.5) / 1000)),
    };
  } finally {
    await Promise.all(SIDES.map(async (side) => await arms[side].stop()));
  }
}

/** What a job takes about, on two slow cores: a round trip at least, and the time of its handler on one slot of many. */
function msPerJob({ runMs, concurrency, queues }: Case): number {
  return Math.max(0.4, (1.2 + runMs) / (concurrency * queues));
}

/** A process of one side on queues of its own. */
class Arm {
  readonly #queues: Queue[];
  readonly #one: Case;
  readonly #jobs: number;
  readonly #process: ChildHandle;

  constructor(side: Side, one: Case, jobs: number, { redis, redisUrl, flags = [] }: Bed) {
    this.#one = one;
    this.#jobs = jobs;
    const queues = Array.from({ length: one.queues }, (_, at) => `${side}-${at}`);
    this.#queues = queues.map((queue) => new Queue(queue, { connection: redis, skipMetasUpdate: true }));
    const options: ArmOptions = { side, redisUrl, queues, concurrency: one.concurrency, jobs };
    const args = [...flags, `${import.meta.dirname}/arm.ts`, JSON.stringify(options)];
    this.#process = startProcess(process.execPath, args);
  }

  async ready(): Promise<void> {
    await this.#process.waitForLine(READY, { timeoutMs: START_MS });
  }

  /** Has all jobs stand ready before the first one starts. */
  async batch(): Promise<Measured> {
    await Promise.all(this.#queues.map(async (queue) => await queue.pause()));
    const { runMs, data, opts } = this.#one;
    const job = {
      name: 'job',
      data: { runMs, ...data } satisfies ThroughputJob,
      opts: { removeOnComplete: true, ...opts },
    };
    const each = this.#jobs / this.#queues.length;
    for (const queue of this.#queues) {
      for (let added = 0; added < each; added += AT_ONCE) {
        // oxlint-disable-next-line no-await-in-loop -- a call of all would hold Redis for long
        await queue.addBulk(Array.from({ length: Math.min(AT_ONCE, each - added) }, () => job));
      }
    }
    const lines = this.#measurements().length;
    await Promise.all(this.#queues.map(async (queue) => await queue.resume()));
    const deadline = performance.now() + BATCH_MS;
    for (;;) {
      const line = this.#measurements()[lines];
      if (line !== undefined) return JSON.parse(line) as Measured;
      if (performance.now() > deadline) throw new Error(`jobs are left after ${BATCH_MS} ms`);
      // oxlint-disable-next-line no-await-in-loop
      await new Promise((resolve) => void setTimeout(resolve, 50));
    }
  }

  #measurements(): string[] {
    return this.#process.lines.filter((line) => line.startsWith('{"wallMs"'));
  }

  async stop(): Promise<void> {
    await this.#process.stop('SIGKILL');
    await Promise.all(this.#queues.map(async (queue) => await queue.close()));
  }
}
