// A sandboxed processor for the tests: tells its process, then ends, stops when asked, or never.
import { setTimeout as sleep } from 'node:timers/promises';
import type { SandboxedJob } from 'bullmq';

interface Data {
  listens?: boolean;
  ignores?: boolean;
  /** Computes without an end. */
  computes?: boolean;
  /** How its process ends. */
  ends?: NodeJS.Signals | number;
}

export default async function run(job: SandboxedJob<Data>, _token: string, signal: AbortSignal): Promise<unknown> {
  await job.updateProgress(process.pid);
  const { ends } = job.data;
  if (typeof ends === 'string') process.kill(process.pid, ends);
  if (typeof ends === 'number') process.exit(ends);
  if (job.data.listens) await sleep(600_000, undefined, { signal });
  while (job.data.computes);
  if (job.data.ignores) await sleep(600_000);
  return { data: job.data, pid: process.pid };
}
