import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runMassCreation } from './mass-creation.ts';

// Many Queues at once: created until all are Ready, beside one create and one status per object. A real API server and
// Redis; the bundled queue-controller.
const HELP = 'usage: make bench NAME=queues [ARGS="--queues=1000 --namespaces=100"]\n';
const GOALS = { ratioToBare: 1.5, perSecond: 300 };

const values = readArguments(HELP, {
  queues: { type: 'string', default: '1000' },
  namespaces: { type: 'string', default: '100' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const result = await runMassCreation(stand, {
  queues: Number(values.queues),
  namespaces: Number(values.namespaces),
  print: (line) => console.error(line),
});
console.table(result);
console.log(JSON.stringify({ bench: 'queues', ...result, goals: GOALS }));
