// A worker pod for the integration tests, started as a process of its own so that it can be signalled and killed.
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisOptionsFromEnvironment, runWorkers, type Handler, type StandardSchema } from './index.ts';

/** What a job of the tests does. */
interface Work {
  runMs: number;
  ignoreSignal?: boolean;
  failTimes?: number;
}

const ledger = new Redis(redisOptionsFromEnvironment(process.env));
let running = 0;

const work: Handler = async (job, { signal }) => {
  const { runMs, ignoreSignal, failTimes = 0 } = job.data as Work;
  const started = await ledger.hincrby('started', job.id!, 1);
  await ledger.zadd('running-at-once', 'GT', ++running, process.env.RQ_POD_NAME!);
  try {
    await sleep(runMs, undefined, ignoreSignal ? {} : { signal });
    if (started <= failTimes) throw new Error(`planned failure ${started}`);
    await ledger.hincrby('finished', job.id!, 1);
    return job.id;
  } finally {
    running--;
  }
};

const hasRunTime: StandardSchema = {
  '~standard': {
    validate: (value) =>
      Number.isInteger((value as Partial<Work>).runMs)
        ? { value }
        : { issues: [{ message: 'expected a whole number', path: ['runMs'] }] },
  },
};

await runWorkers({ handlers: { a: work, b: work, c: work }, schemas: { a: hasRunTime } });
