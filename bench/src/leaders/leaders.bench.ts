import { startRig } from '@redis-queue/rig/controllers';
import { readArguments } from '../command-line/arguments.ts';
import { buildApps } from '../stand/stand.ts';
import { runLeaders } from './run.ts';

// Pairs of replicas of the two apps that write, bundled, each pair with a Lease of its own and objects that change all
// the time, against one API server and one Redis. The leader of each gets stuck for longer than its Lease, again and
// again; proxies of its own see what it began to write, when, and what that carried.
const HELP = 'usage: make bench NAME=leaders [ARGS="--pairs=10 --rounds=10"]\n';
const GOALS = { leaderChanges: 1, writesAfterDeadline: 0, unfencedWrites: 0, worstOverlapMs: 0 };

const values = readArguments(HELP, {
  pairs: { type: 'string', default: '10' },
  rounds: { type: 'string', default: '10' },
});
console.error('building the apps, starting an API server and Redis');
await buildApps();
await using rig = await startRig({ controllerManager: false });
const { table, figures } = await runLeaders(rig, {
  pairs: Number(values.pairs),
  rounds: Number(values.rounds),
  print: (line) => console.error(line),
});
console.table(table);
console.log(JSON.stringify({ bench: 'leaders', ...figures, goals: { ...GOALS, leaderChanges: figures.trials } }));
await rig[Symbol.asyncDispose]();
const { trials, leaderChanges, writesAfterDeadline, unfencedWrites, worstOverlapMs } = figures;
process.exit(leaderChanges === trials && writesAfterDeadline + unfencedWrites + worstOverlapMs === 0 ? 0 : 1);
