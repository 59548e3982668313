import { readArguments } from '../command-line/arguments.ts';
import { OUTAGE_CASES, UNDISTURBED } from './cases.ts';
import { runOutageCase, type OutageResult } from './run.ts';
import { startOutageStand } from './stand.ts';
import { buildApps } from '../stand/stand.ts';

// Redis of the queues or of the bus gone for a minute (stopped, so that its connections stand, or killed), the
// autoscaler killed, clocks that jump, the connection cut that notifies of new jobs: does a pool shrink for it, and how
// many ticks after the end does it have the size that its load, which has risen meanwhile, asks for? Real API server,
// Redis and bundled apps; no pods run.
const HELP = `usage: make bench NAME=outage [ARGS="--seconds=60 --only=${OUTAGE_CASES[1]!.name},…"]
cases: ${OUTAGE_CASES.map(({ name }) => name).join(' ')}\n`;
const MOST_TICKS = 2;

const values = readArguments(HELP, {
  seconds: { type: 'string', default: '60' },
  only: { type: 'string', default: '' },
});
const only = values.only.split(',').filter(Boolean);
const cases = OUTAGE_CASES.filter(({ name }) => only.length === 0 || only.includes(name));
if (cases.length === 0) {
  throw new Error(`--only=${values.only}: no such case; there are ${OUTAGE_CASES.map(({ name }) => name).join(', ')}`);
}

console.error('building the apps, starting an API server and two Redis');
await buildApps();
await using stand = await startOutageStand();
const results: OutageResult[] = [];
for (const each of cases) {
  const result = await runOutageCase(each, stand, Number(values.seconds));
  results.push(result);
  console.error(`${result.name}: ${result.ticksToRightSize} ticks, sizes ${result.sizes.join(' → ')}`);
}
// What shrinks while nothing is wrong, no outage has caused.
const shrinks = results.reduce((sum, each) => sum + (each.name === UNDISTURBED ? 0 : each.shrinks), 0);
const worstTicks = Math.max(...results.map(({ ticksToRightSize = Infinity }) => ticksToRightSize));
console.table(results.map(({ sizes, ...figures }) => ({ ...figures, sizes: sizes.join(' → ') })));
console.log(JSON.stringify({ bench: 'outage', cases: results, shrinks, worstTicks }));
await stand[Symbol.asyncDispose]();
process.exit(shrinks === 0 && worstTicks <= MOST_TICKS ? 0 : 1);
