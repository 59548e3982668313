import { readArguments } from '../command-line/arguments.ts';
import { runAutoscalerScale } from './run.ts';
import { buildApps, startStand } from '../stand/stand.ts';

// One autoscaler, with the image's Node flags, over 2,000 pools on 5,000 queues: by default every tenth pool works on
// jobs and the others are at zero; `--min-replicas=1` keeps all of them live, so that every queue is sampled all the
// time.
const HELP =
  'usage: make bench NAME=autoscaler-scale [ARGS="--pools=2000 --queues=5000 --busy=200 --min-replicas=0 --seconds=60"]\n';
const WARM_UP_MS = 40_000;
const LIMITS = { lagP95Ms: 75, lagP99Ms: 150, rssMib: 150, redisCpuPercent: 3 } as const;

const values = readArguments(HELP, {
  pools: { type: 'string', default: '2000' },
  queues: { type: 'string', default: '5000' },
  busy: { type: 'string', default: '200' },
  'min-replicas': { type: 'string', default: '0' },
  seconds: { type: 'string', default: '60' },
});

console.error('building the apps, starting an API server and two Redis servers');
await buildApps();
const stand = await startStand({ controllerManager: false, busApart: true, replicas: 2 });
const result = await runAutoscalerScale(stand, {
  pools: Number(values.pools),
  queues: Number(values.queues),
  busyPools: Number(values.busy),
  minReplicas: Number(values['min-replicas']),
  warmUpMs: WARM_UP_MS,
  measureMs: Number(values.seconds) * 1_000,
  print: (line) => console.error(line),
});
console.table(
  Object.fromEntries(
    Object.entries(LIMITS).map(([name, limit]) => [name, { measured: result[name as keyof typeof LIMITS], limit }]),
  ),
);
console.log(JSON.stringify({ bench: 'autoscaler-scale', ...result }));
await stand[Symbol.asyncDispose]();
process.exit(0);
