import { readArguments } from '../command-line/arguments.ts';
import { runDeadLetters } from './run.ts';
import { measureScripts } from './script-cost.ts';

// Jobs that fail whenever they run, while what moves them to the dead letters is killed at random, and every third is
// put back and dies again: none may be lost, doubled or out of order.
const HELP = 'usage: make bench NAME=dead-letters [ARGS="--jobs=20000 --kills=20"]\n';

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '20000' },
  kills: { type: 'string', default: '20' },
});
const [jobs, kills] = [Number(values.jobs), Number(values.kills)];
const progress = (message: string): void => console.error(message);
const report = await runDeadLetters({ jobs, kills, longestLifeMs: 1_500, patienceMs: 600_000, progress });
progress('what each script takes at its bound');
const scripts = await measureScripts();
console.table(scripts);
console.table([report]);
const atBoundMs = Object.fromEntries(scripts.map(({ script, medianMs }) => [script, medianMs]));
console.log(JSON.stringify({ bench: 'dead-letters', ...report, atBoundMs }));
const { lost, doubled, outOfOrder, wrongRuns } = report;
const isClean = lost + doubled + outOfOrder + wrongRuns === 0 && report.kills === kills;
process.exitCode = isClean && Math.max(...Object.values(atBoundMs)) < 10 ? 0 : 1;
