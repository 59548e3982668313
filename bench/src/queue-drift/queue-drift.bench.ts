import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runDrift } from './run.ts';

// Settings of many queues changed in Redis by hand: until each is repaired, and what that costs Redis. A real API server
// and Redis; the bundled queue-controller.
const HELP = 'usage: make bench NAME=queue-drift [ARGS="--queues=5000 --namespaces=50 --spread=60 --idle=60"]\n';
const GOALS = { p99Ms: 10_000, redisCpuPercent: 3 };

const values = readArguments(HELP, {
  queues: { type: 'string', default: '5000' },
  namespaces: { type: 'string', default: '50' },
  spread: { type: 'string', default: '60' },
  idle: { type: 'string', default: '60' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const result = await runDrift(stand, {
  queues: Number(values.queues),
  namespaces: Number(values.namespaces),
  spreadMs: 1_000 * Number(values.spread),
  idleMs: 1_000 * Number(values.idle),
  print: (line) => console.error(line),
});
console.table(result);
console.log(JSON.stringify({ bench: 'queue-drift', ...result, goals: GOALS }));
