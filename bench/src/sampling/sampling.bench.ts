import { readArguments } from '../command-line/arguments.ts';
import { runSampling } from './run.ts';

// One sample of 10,000 queues by the autoscaler's sampler beside BullMQ's own `Queue.getJobCounts` over the same
// queues.
const HELP = 'usage: make bench NAME=sampling [ARGS="--queues=10000 --jobs=1000000 --tries=5"]\n';

const values = readArguments(HELP, {
  queues: { type: 'string', default: '10000' },
  jobs: { type: 'string', default: '1000000' },
  tries: { type: 'string', default: '5' },
});
const { rows, ...report } = await runSampling({
  queues: Number(values.queues),
  jobs: Number(values.jobs),
  tries: Number(values.tries),
  progress: (message) => console.error(message),
});
console.table(rows);
console.log(JSON.stringify({ bench: 'sampling', ...report }));
process.exitCode = report.disagreements === 0 ? 0 : 1;
