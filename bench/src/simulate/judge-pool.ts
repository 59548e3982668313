import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Workload } from '@redis-queue/simulator';
import type { Verdict } from './judge.ts';
import type { Circumstances, StageFlags } from '../simulation/stage.ts';

/** A workload and what it runs on. */
export interface Case {
  readonly workload: Workload;
  readonly flags: StageFlags;
  readonly circumstances?: Circumstances;
}

export type FromJudge = { readonly done: number; readonly of: number } | { readonly verdict: Verdict };

/**
 * Judges every case, as many at once as there are processors, the longest first. Each is judged by itself and from its
 * own seed, so the verdicts, in the order of the cases, do not depend on how many threads there are.
 */
export async function judgeAll(
  cases: readonly Case[],
  report: (text: string) => void,
  threads = availableParallelism(),
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const longestFirst = cases.map((_, index) => index).toSorted((a, b) => length(cases[b]!) - length(cases[a]!));
  const judgeNext = async (): Promise<void> => {
    for (let index = longestFirst.shift(); index !== undefined; index = longestFirst.shift()) {
      const { name } = cases[index]!.workload;
      verdicts[index] = await judgeIn(cases[index]!, (done, of) => report(`${name}: rival ${done}/${of}`));
      report(`${name}: judged, ${longestFirst.length} more to begin`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(threads, cases.length) }, judgeNext));
  return verdicts;
}

/** Jobs, and ticks of the scalers. */
function length({ workload: { addedMs, durationMs } }: Case): number {
  return addedMs.length + durationMs / 1_000;
}

function judgeIn(toJudge: Case, progress: (done: number, of: number) => void): Promise<Verdict> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('judge-worker.ts', import.meta.url), { workerData: toJudge });
    worker.on('message', (message: FromJudge) => {
      if ('verdict' in message) resolve(message.verdict);
      else progress(message.done, message.of);
    });
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the judge of ${toJudge.workload.name} ended with ${code}`)));
  });
}
