import { readArguments } from '../command-line/arguments.ts';
import { hundredths } from '../measuring/percentile.ts';
import { runThroughput, type Case } from './run.ts';

// How many jobs per second a pod of this project finishes beside a `Worker` of plain BullMQ with as many slots, of jobs
// that do nothing at all and of such that wait: nothing may be slower for what the library does beside.
const HELP =
  'usage: make bench NAME=worker-throughput [ARGS="--pairs=7 --batch-ms=1500 --run-ms=0,5 --concurrency=1,10,50,200 --queues=1,8 --five"]\n';
/** With what Node is started for BullMQ 5. */
const FIVE = new URL('../bullmq-5.ts', import.meta.resolve('@redis-queue/worker')).href;
const LEAST = 0.95;

const values = readArguments(HELP, {
  pairs: { type: 'string', default: '7' },
  'batch-ms': { type: 'string', default: '1500' },
  'run-ms': { type: 'string', default: '0,5' },
  concurrency: { type: 'string', default: '1,10,50,200' },
  queues: { type: 'string', default: '1,8' },
  five: { type: 'boolean', default: false },
});

const cases = numbers(values['run-ms']).flatMap((runMs) =>
  numbers(values.queues).flatMap((queues) =>
    numbers(values.concurrency).map((slots): Case => ({ runMs, queues, concurrency: Math.ceil(slots / queues) })),
  ),
);
const results = await runThroughput({
  cases,
  pairs: Number(values.pairs),
  batchMs: Number(values['batch-ms']),
  flags: values.five ? ['--import', FIVE] : [],
  note: (result) => console.error(JSON.stringify(result)),
});
console.table(
  results.map(({ ratio, ratioMin, ratioMax, cpuRatio, ...result }) => ({
    ...result,
    ratio: hundredths(ratio),
    ratioMin: hundredths(ratioMin),
    ratioMax: hundredths(ratioMax),
    cpuRatio: hundredths(cpuRatio),
  })),
);
const ratios = Object.fromEntries(
  results.map(({ runMs, concurrency, queues, ratio }) => [
    `${runMs} ms, ${queues} × ${concurrency}`,
    hundredths(ratio),
  ]),
);
const worst = Math.min(...Object.values(ratios));
console.log(JSON.stringify({ bench: 'worker-throughput', worst, ratios }));
process.exitCode = worst >= LEAST ? 0 : 1;

function numbers(list: string): number[] {
  return list.split(',').map(Number);
}
