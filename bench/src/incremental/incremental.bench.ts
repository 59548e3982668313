import { readArguments } from '../command-line/arguments.ts';
import { runIncremental } from './run.ts';

// A queue that is worked on and backed up every half a minute, while its Redis and the controller are killed at random:
// what restores to random points lack, how much could have been lost, and what it costs.
const HELP =
  'usage: make bench NAME=incremental [ARGS="--jobs=100000 --data-bytes=220 --rate=200 --seconds=600 --every=30 --kills=8 --restores=6 --turns=2 --seed=1"]\n';
const GOALS = { lost: 0, rpoP99S: 45, rtoS: 120, workerThroughputShare: 0.95 };

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '100000' },
  'data-bytes': { type: 'string', default: '220' },
  rate: { type: 'string', default: '200' },
  seconds: { type: 'string', default: '600' },
  every: { type: 'string', default: '30' },
  kills: { type: 'string', default: '8' },
  restores: { type: 'string', default: '6' },
  turns: { type: 'string', default: '2' },
  seed: { type: 'string', default: '1' },
});
const { rows, ...report } = await runIncremental({
  jobs: Number(values.jobs),
  dataBytes: Number(values['data-bytes']),
  jobsPerSecond: Number(values.rate),
  seconds: Number(values.seconds),
  everySeconds: Number(values.every),
  kills: Number(values.kills),
  restores: Number(values.restores),
  turns: Number(values.turns),
  seed: Number(values.seed),
  progress: (message) => console.error(message),
});
console.table(rows);
console.log(JSON.stringify({ bench: 'incremental', ...report, goals: GOALS }));
process.exitCode = report.lost === 0 ? 0 : 1;
