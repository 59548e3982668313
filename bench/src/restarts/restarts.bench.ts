import { readArguments } from '../command-line/arguments.ts';
import { runRestarts } from './run.ts';

const HELP = 'usage: make bench NAME=restarts [ARGS="--rounds=500 --pods=3 --run-ms=500"]\n';

const values = readArguments(HELP, {
  rounds: { type: 'string', default: '500' },
  pods: { type: 'string', default: '3' },
  'run-ms': { type: 'string', default: '500' },
});
const result = await runRestarts({
  rounds: Number(values.rounds),
  pods: Number(values.pods),
  runMs: Number(values['run-ms']),
  note: (line) => console.error(line),
});
console.table([result]);
console.log(JSON.stringify({ bench: 'restarts', ...result }));
const { completedTwice, lost, robbed, ranBeside, waitedForLocks } = result;
process.exitCode = completedTwice + lost + robbed + waitedForLocks === 0 && ranBeside > 0 ? 0 : 1;
