import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import { exponential } from '@redis-queue/simulator';

export interface MixedLoad {
  /** Ids of the jobs added so far. */
  readonly added: ReadonlySet<string>;
  /** No job is added after this resolves. */
  stop: () => Promise<void>;
}

export interface MixedLoadOptions {
  /** Begins every id. */
  name: string;
  /** The ledger that workers write to. */
  run: string;
  jobsPerSecond: number;
  /** The shortest and the longest job, ms; in between each order of magnitude is as frequent as the others. */
  durationMs: readonly [number, number];
  random: () => number;
}

/** Adds jobs of the example worker that only wait, at random times (Poisson), until stopped. */
export function startMixedLoad(
  queue: Queue,
  { name, run, jobsPerSecond, durationMs, random }: MixedLoadOptions,
): MixedLoad {
  const added = new Set<string>();
  const end = new AbortController();
  const [shortest, longest] = durationMs;
  const produce = async (): Promise<void> => {
    let nextMs = performance.now();
    while (!end.signal.aborted) {
      nextMs += exponential(1_000 / jobsPerSecond)(random);
      await sleep(Math.max(0, nextMs - performance.now()), undefined, { signal: end.signal }).catch(() => undefined);
      if (end.signal.aborted) return;
      const jobId = `${name}-${added.size}`;
      added.add(jobId);
      const sendMs = Math.round(shortest * (longest / shortest) ** random());
      await queue.add('email', { to: `${jobId}@example.com`, run, sendMs, rounds: 0 }, { jobId });
    }
  };
  const done = produce();
  return {
    added,
    stop: async () => {
      end.abort();
      await done;
    },
  };
}
