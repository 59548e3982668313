import { readArguments } from '../command-line/arguments.ts';
import { buildApps, startStand } from '../stand/stand.ts';
import { runDrill } from './run.ts';

// How long a restore takes, by a drill: a real API server and Redis; the bundled backup-controller.
const HELP = 'usage: make bench NAME=drill [ARGS="--jobs=100000 --data-bytes=200"]\n';
const GOALS = { keysLeft: 0, slowestScriptMs: 10 };

const values = readArguments(HELP, {
  jobs: { type: 'string', default: '100000' },
  'data-bytes': { type: 'string', default: '200' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const result = await runDrill(stand, {
  jobs: Number(values.jobs),
  dataBytes: Number(values['data-bytes']),
  print: (line) => console.error(line),
});
console.table(result);
console.log(JSON.stringify({ bench: 'drill', ...result, goals: GOALS }));
process.exitCode = result.keysLeft === 0 && result.jobs === Number(values.jobs) ? 0 : 1;
