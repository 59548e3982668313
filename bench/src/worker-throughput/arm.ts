import { setTimeout as sleep } from 'node:timers/promises';
import { runWorkers } from '@redis-queue/worker';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';

/** Who serves the queues: a `Worker` of plain BullMQ for each, or a pod of this project for all. */
export type Side = 'plain' | 'ours';

/** What a process of the bench is started with, as JSON. */
export interface ArmOptions {
  side: Side;
  redisUrl: string;
  queues: readonly string[];
  /** Jobs at once, of each queue; a pod shares the sum. */
  concurrency: number;
  /** After how many jobs a measurement is printed. */
  jobs: number;
}

/** The data of a job. */
export interface ThroughputJob {
  /** How long its handler waits; 0: it does nothing at all. */
  runMs: number;
}

/** What is printed, as a line of JSON, when so many jobs are completed. */
export interface Measured {
  /** From the start of the first job to the recorded end of the last one. */
  wallMs: number;
  /** Of this process in that time. */
  cpuMs: number;
}

const { side, redisUrl, queues, concurrency, jobs } = JSON.parse(process.argv[2]!) as ArmOptions;

let begun: { atMs: number; cpu: NodeJS.CpuUsage } | undefined;
let completed = 0;

async function handler({ data }: { data: unknown }): Promise<void> {
  begun ??= { atMs: performance.now(), cpu: process.cpuUsage() };
  const { runMs } = data as ThroughputJob;
  if (runMs > 0) await sleep(runMs);
}

function count(): void {
  if (++completed < jobs || !begun) return;
  const { user, system } = process.cpuUsage(begun.cpu);
  const measured: Measured = { wallMs: performance.now() - begun.atMs, cpuMs: (user + system) / 1000 };
  completed = 0;
  begun = undefined;
  console.log(JSON.stringify(measured));
}

if (side === 'plain') {
  for (const queue of queues) {
    const connection = new Redis(redisUrl, { maxRetriesPerRequest: null });
    const worker = new Worker(queue, handler, { connection, concurrency, maxStalledCount: 3 });
    worker.on('completed', count);
    await worker.waitUntilReady();
  }
  console.log('ready');
} else {
  const env = {
    REDIS_URL: redisUrl,
    RQ_QUEUES: JSON.stringify(queues.map((queue) => ({ queue, name: queue, prefix: 'bull' }))),
    RQ_CONCURRENCY: String(concurrency * queues.length),
    RQ_POOL: 'pool',
    RQ_POOL_NAMESPACE: 'bench',
    RQ_POD_NAME: 'pod',
    RQ_HTTP_PORT: '0',
  };
  await runWorkers({
    env,
    handlers: Object.fromEntries(queues.map((queue) => [queue, handler])),
    onWorker: (worker) => void worker.on('completed', count),
  });
}
