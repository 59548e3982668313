import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { eventually, startRedis } from '@redis-queue/rig';
import { readArguments } from '../command-line/arguments.ts';
import { percentile } from '../measuring/percentile.ts';
import { LEDGER, type InterruptedJob } from '../worker/interrupted-job.ts';
import { startPod } from '../worker/start-pod.ts';

// Pods full of jobs are stopped, while others stand by: no job may be lost, done twice, or cost an attempt or a stall.
// Half of the jobs end when their signal aborts, the others only with their process; every fifth has a priority.
const HELP = 'usage: make bench NAME=hand-back [ARGS="--jobs=500 --pods=5 --queues=4"]\n';
const DRAIN = { gracePeriodMs: 1_000, maxDrainTimeMs: 10_000 };
const PATIENCE = { timeoutMs: 180_000, intervalMs: 100 };

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '500' },
  pods: { type: 'string', default: '5' },
  queues: { type: 'string', default: '4' },
});
const [jobs, pods, queueCount] = [Number(values.jobs), Number(values.pods), Number(values.queues)];

await using server = await startRedis();
const redis = new Redis(server.url, { maxRetriesPerRequest: null });
const names = Array.from({ length: queueCount }, (_, i) => `queue-${i}`);
const queues = names.map((name) => new Queue(name, { connection: redis, skipMetasUpdate: true }));
const wave = (name: string) =>
  Array.from({ length: pods }, (_, i) =>
    startPod({
      name: `${name}-${i}`,
      redisUrl: server.url,
      queues: names,
      concurrency: Math.ceil(jobs / pods),
      drain: DRAIN,
    }),
  );

console.error(`${jobs} jobs in ${queueCount} queues on ${pods} pods`);
for (const [at, queue] of queues.entries()) {
  const mine = Array.from({ length: jobs }, (_, i) => i).filter((i) => i % queueCount === at);
  await queue.addBulk(
    mine.map((i) => ({
      name: 'job',
      data: { listens: i % 2 === 0 } satisfies InterruptedJob,
      opts: i % 5 === 0 ? { priority: 1 + (i % 10) } : {},
    })),
  );
}
const leaving = wave('leaving');
await eventually(async () => (await redis.hlen(LEDGER.starts)) === jobs, {
  ...PATIENCE,
  description: 'every job to run',
});
const staying = wave('staying');
await Promise.all(staying.map((pod) => pod.waitForLine(/connected to Redis/, { timeoutMs: 60_000 })));

console.error('SIGTERM to the pods that run them');
const signalledMs = performance.now();
const leftMs = await Promise.all(
  leaving.map(async (pod) => {
    pod.kill('SIGTERM');
    const { code } = await pod.exited;
    if (code !== 0) throw new Error(`a pod ended with ${code}:\n${pod.lines.slice(-5).join('\n')}`);
    return performance.now() - signalledMs;
  }),
);
const interrupted = leaving.flatMap(({ lines }) => lines.filter((line) => /handed the job back/.test(line))).length;
const finished = async (): Promise<boolean> => {
  const counts = await Promise.all(queues.map(async (queue) => await queue.getJobCounts('completed', 'failed')));
  return counts.reduce((sum, { completed = 0, failed = 0 }) => sum + completed + failed, 0) === jobs;
};
await eventually(finished, { ...PATIENCE, description: 'every job to finish elsewhere' }).catch(
  // the counts below say what is missing
  (error: unknown) => console.error(String(error)),
);

const completed = (await Promise.all(queues.map(async (queue) => await queue.getCompleted()))).flat();
const sum = (counts: number[]): number => counts.reduce((total, count) => total + count, 0);
const effects = (await redis.hvals(LEDGER.effects)).map(Number);
const result = {
  bench: 'hand-back',
  jobs,
  interrupted,
  lost: jobs - completed.length,
  duplicated: effects.filter((count) => count > 1).length,
  attemptsCounted: sum(completed.map(({ attemptsMade }) => attemptsMade - 1)),
  stallsCounted: sum(completed.map(({ stalledCounter }) => stalledCounter)),
  restarts: sum((await redis.hvals(LEDGER.starts)).map((starts) => Number(starts) - 1)),
  leftP50Ms: Math.round(percentile(leftMs, 0.5)),
  leftMaxMs: Math.round(Math.max(...leftMs)),
};
console.table([result]);
console.log(JSON.stringify(result));
redis.disconnect();
await Promise.all(staying.map((pod) => pod.stop()));
const { lost, duplicated, attemptsCounted, stallsCounted } = result;
const clean =
  interrupted >= jobs && effects.length === jobs && !(lost || duplicated || attemptsCounted || stallsCounted);
process.exitCode = clean ? 0 : 1;
