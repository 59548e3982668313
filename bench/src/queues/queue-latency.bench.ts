import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runLatency } from './latency.ts';

// One Queue at a time beside some hundred: created until it is Ready, beside one create and one status. A real API
// server and Redis; the bundled queue-controller.
const HELP = 'usage: make bench NAME=queue-latency [ARGS="--existing=300 --tries=300"]\n';
const GOALS = { p50Ms: 20, p99Ms: 50, p50RatioToBare: 3 };

const values = readArguments(HELP, {
  existing: { type: 'string', default: '300' },
  tries: { type: 'string', default: '300' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const result = await runLatency(stand, {
  existing: Number(values.existing),
  tries: Number(values.tries),
  print: (line) => console.error(line),
});
console.table(result);
console.log(JSON.stringify({ bench: 'queue-latency', ...result, goals: GOALS }));
