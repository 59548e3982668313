import { readArguments } from '../command-line/arguments.ts';
import { runBusChaos } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

// Decisions sent twice, reordered, late, expired and of a publisher that was replaced, for many pools, while the
// consumer (the bundled workerpool-controller) is killed repeatedly. Real API server, kube-controller-manager and
// Redis; no pods run.
const HELP = 'usage: make bench NAME=bus-chaos [ARGS="--decisions=10000 --kills=50 --pools=50 --seed=1"]\n';

const values = readArguments(HELP, {
  decisions: { type: 'string', default: '10000' },
  kills: { type: 'string', default: '50' },
  pools: { type: 'string', default: '50' },
  seed: { type: 'string', default: '1' },
});

console.error('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const result = await runBusChaos(stand, {
  decisions: Number(values.decisions),
  kills: Number(values.kills),
  pools: Number(values.pools),
  seed: Number(values.seed),
  print: (line) => console.error(line),
});
const { droppedBy, ...counts } = result;
console.table(counts);
console.table(droppedBy);
console.log(JSON.stringify({ bench: 'bus-chaos', ...result }));
await stand[Symbol.asyncDispose]();
const { fenceRegressions, wrongPairs, expiredApplied, wrongSizes } = result;
process.exit(fenceRegressions + wrongPairs + expiredApplied + wrongSizes === 0 ? 0 : 1);
