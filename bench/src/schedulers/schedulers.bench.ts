import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runSchedulers } from './run.ts';

// Job schedulers of some queues, asserted by three queue-controllers side by side, all of which write and are killed
// at random, while the specs change: does each run once, at each of its times?
const HELP = 'usage: make bench NAME=schedulers [ARGS="--queues=5 --seconds=240 --longest-life-ms=6000 --seed=1"]\n';

const values = readArguments(HELP, {
  queues: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '240' },
  'longest-life-ms': { type: 'string', default: '6000' },
  seed: { type: 'string', default: '1' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand({ controllerManager: false });
const report = await runSchedulers(stand, {
  queues: Number(values.queues),
  seconds: Number(values.seconds),
  longestLifeMs: Number(values['longest-life-ms']),
  seed: Number(values.seed),
  print: (line) => console.error(line),
});
console.table([report]);
console.log(JSON.stringify({ bench: 'schedulers', ...report }));
await stand[Symbol.asyncDispose]();
const { doubledRuns, missedRuns, leftBehind } = report;
process.exit(doubledRuns + missedRuns + leftBehind === 0 ? 0 : 1);
