import { readArguments } from '../command-line/arguments.ts';
import { runRetention } from './run.ts';

// Completed jobs that are over their time are removed, beside BullMQ's own Queue.clean and beside workers that run.
const HELP = 'usage: make bench NAME=retention [ARGS="--jobs=1000000 --window=5000"]\n';
const GOALS = { workerThroughputShare: 0.9, slowestScriptMs: 10, ratioToBareClean: 2, oldLeft: 0, youngLost: 0 };

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '1000000' },
  window: { type: 'string', default: '5000' },
});
const { rows, ...report } = await runRetention({
  jobs: Number(values.jobs),
  windowMs: Number(values.window),
  progress: (message) => console.error(message),
});
console.table(rows);
console.log(JSON.stringify({ bench: 'retention', ...report, goals: GOALS }));
process.exitCode = report.oldLeft === 0 && report.youngLost === 0 ? 0 : 1;
