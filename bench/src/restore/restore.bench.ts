import { readArguments } from '../command-line/arguments.ts';
import { runRestore } from './run.ts';

// A restore of a queue, beside the same written by plain commands in pipelines.
const HELP = 'usage: make bench NAME=restore [ARGS="--jobs=100000 --pairs=5"]\n';
const GOALS = { identical: true, ratioToBareWrite: 1.5, firstJobMs: 1_000, slowestScriptMs: 10 };

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '100000' },
  pairs: { type: 'string', default: '5' },
});
const { rows, ...report } = await runRestore({
  jobs: Number(values.jobs),
  pairs: Number(values.pairs),
  progress: (message) => console.error(message),
});
console.table(rows);
console.log(JSON.stringify({ bench: 'restore', ...report, goals: GOALS }));
process.exitCode = report.identical ? 0 : 1;
