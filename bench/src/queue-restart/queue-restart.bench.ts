import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runRestart } from './run.ts';

// The controller restarted over many Queues, and one more created meanwhile. A real API server and Redis; the bundled
// queue-controller.
const HELP = 'usage: make bench NAME=queue-restart [ARGS="--queues=10000 --namespaces=100 --steady=60 --heap=256"]\n';
const GOALS = { verifiedMs: 60_000, newReadyMs: 1_000, steadyWrites: 0 };

const values = readArguments(HELP, {
  queues: { type: 'string', default: '10000' },
  namespaces: { type: 'string', default: '100' },
  steady: { type: 'string', default: '60' },
  heap: { type: 'string', default: '256' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand({ heapMib: Number(values.heap) });
const result = await runRestart(stand, {
  queues: Number(values.queues),
  namespaces: Number(values.namespaces),
  steadyMs: 1_000 * Number(values.steady),
  print: (line) => console.error(line),
});
console.table(result);
console.log(JSON.stringify({ bench: 'queue-restart', ...result, goals: GOALS }));
