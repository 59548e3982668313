import { readArguments } from '../command-line/arguments.ts';
import { runPools } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

// Many pools at once: each woken by one job (0 → 1), then stepped 1 → 2, beside the two calls that each step needs at
// least. Real API server, kube-controller-manager and Redis; bundled apps as processes of their own; no pods run.
const HELP = 'usage: make bench NAME=pools [ARGS="--pools=1000 --quiet-minutes=5"]\n';
const MAX_RATIO = 2.5;

const values = readArguments(HELP, {
  pools: { type: 'string', default: '1000' },
  'quiet-minutes': { type: 'string', default: '5' },
});

console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const result = await runPools(stand, {
  pools: Number(values.pools),
  quietMs: Number(values['quiet-minutes']) * 60_000,
  print: (line) => console.error(line),
});
const { zeroToOneMs, oneToTwoMs, bareZeroToOneMs, bareOneToTwoMs, zeroToOneRatioToBare, oneToTwoRatioToBare } = result;
console.table({
  '0 → 1': { oursMs: zeroToOneMs, bareMs: bareZeroToOneMs, ratio: zeroToOneRatioToBare, limit: MAX_RATIO },
  '1 → 2': { oursMs: oneToTwoMs, bareMs: bareOneToTwoMs, ratio: oneToTwoRatioToBare, limit: MAX_RATIO },
});
console.log(JSON.stringify({ bench: 'pools', ...result }));
await stand[Symbol.asyncDispose]();
process.exit(result.steadyWrites === 0 ? 0 : 1);
