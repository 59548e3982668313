import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runCompat } from './run.ts';

// Producers and workers of BullMQ 6, BullMQ 5 and BullMQ for Python, and the pods of this project on each of them, on
// the same governed queues, while workers leave and are killed. A real API server and Redis; the bundled
// queue-controller.
const HELP = 'usage: make bench NAME=compat [ARGS="--jobs=1000 --seconds=60"]\n';
const GOALS = { lost: 0, stuck: 0, duplicatedEffects: 0, failed: 0, startsWhilePaused: 0, startsOverLimit: 0 };

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '1000' },
  seconds: { type: 'string', default: '60' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand({ controllerManager: false });
const report = await runCompat(stand, {
  jobs: Number(values.jobs),
  seconds: Number(values.seconds),
  locks: { durationMs: 8_000, renewMs: 2_000, searchMs: 1_000 },
  print: (line) => console.error(line),
});
const { workers, producers, ...figures } = report;
console.table(workers);
console.table(figures);
console.log(JSON.stringify({ bench: 'compat', ...figures, workers, producers, goals: GOALS }));
const { lost, stuck, duplicatedEffects, failed, startsWhilePaused, startsOverLimit } = figures;
const { overConcurrency, marksChanged, sampledWrongly, leftBadly } = figures;
const wrong = [lost, stuck, duplicatedEffects, failed, startsWhilePaused, startsOverLimit];
process.exitCode = [...wrong, overConcurrency, marksChanged, sampledWrongly, leftBadly].every((each) => each === 0)
  ? 0
  : 1;
