import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { exponential, seededRandom } from '@redis-queue/simulator';

export interface LoadOptions {
  redis: Redis;
  /** Queues that get the same jobs at the same moments. */
  queues: readonly string[];
  jobsPerSecond: number;
  /** Run times are spread evenly over ± half of it. */
  meanRunMs: number;
  seed: number;
}

/** Poisson arrivals for as long as it is wanted; the same seed gives the same gaps and run times. */
export interface SteadyLoad {
  /** Ids of the jobs of each queue, in the order they were added. */
  readonly added: ReadonlyMap<string, string[]>;
  /** The ledger's name of a queue's jobs. */
  run: (queue: string) => string;
  /** Stops adding and resolves when every job begun is in Redis. */
  stop: () => Promise<void>;
}

/** Starts adding jobs for the example worker to all queues. */
export function startLoad({ redis, queues, jobsPerSecond, meanRunMs, seed }: LoadOptions): SteadyLoad {
  const random = seededRandom(seed);
  const targets = queues.map((name) => ({
    name,
    queue: new Queue(name, { connection: redis, skipMetasUpdate: true }),
  }));
  const added = new Map(queues.map((name) => [name, [] as string[]]));
  const stopped = new AbortController();

  const add = async (n: number, sendMs: number): Promise<void> => {
    await Promise.all(
      targets.map(async ({ name, queue }) => {
        const jobId = `${name}-${n}`;
        added.get(name)!.push(jobId); // before it is sent: what is lost on the way is noticed
        const data = { to: `${jobId}@example.com`, run: ledgerOf(name), sendMs, rounds: 0 };
        await queue.add('email', data, { jobId, attempts: 3 });
      }),
    );
  };
  const produce = async (): Promise<void> => {
    const adds: Promise<void>[] = [];
    let dueMs = performance.now();
    for (let n = 0; !stopped.signal.aborted; n++) {
      dueMs += 1_000 * exponential(1 / jobsPerSecond)(random);
      const waitMs = dueMs - performance.now();
      if (waitMs > 1) await sleep(waitMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) break;
      adds.push(add(n, Math.round(meanRunMs * (0.5 + random()))));
    }
    await Promise.all(adds);
  };
  const producing = produce();
  return {
    added,
    run: ledgerOf,
    stop: () => {
      stopped.abort();
      return producing;
    },
  };
}

/** The waits of those of the jobs that were started once, ms: from being ready to being started. */
export async function firstWaits(redis: Redis, queue: string, ids: readonly string[]): Promise<number[]> {
  const waits: number[] = [];
  for (let from = 0; from < ids.length; from += READ_AT_ONCE) {
    const reads = redis.pipeline();
    for (const id of ids.slice(from, from + READ_AT_ONCE)) {
      reads.hmget(`bull:${queue}:${id}`, 'timestamp', 'processedOn', 'ats');
    }
    for (const [error, fields] of (await reads.exec()) ?? []) {
      if (error) throw error;
      const [timestamp, processedOn, starts] = fields as (string | null)[];
      // a second start writes over the first one's time: such jobs are counted as restarts
      if (timestamp && processedOn && starts === '1') waits.push(Math.max(0, Number(processedOn) - Number(timestamp)));
    }
  }
  return waits;
}

const READ_AT_ONCE = 500;

function ledgerOf(queue: string): string {
  return `load-${queue}`;
}
