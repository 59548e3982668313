import { WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { PODS, type Resource } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { readArguments } from '../command-line/arguments.ts';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import { percentile, tenths } from '../measuring/percentile.ts';
import { balanceOf, readWorkerLedger, startPodsStand } from '../stand/pods-stand.ts';
import { readySlots, type PodReadiness } from './ready-slots.ts';
import { firstWaits, startLoad } from './steady-load.ts';

// Version changes under constant load, with real pods. Two pools of one size get the same jobs at the same moments; one
// changes its version all the time, the other never: what the machine does to both cancels out.
const HELP = 'usage: make bench NAME=rollout [ARGS="--changes=20 --utilisation=0.75 --seed=1"]\n';
const PODS_PER_POOL = 4;
const CONCURRENCY = 5;
const RUN_MS = 200;
const VERSIONS = ['v1', 'v2'] as const;
const WARM_UP_JOBS = 300;
const TIMEOUT_MS = 180_000;
const MAX_WAIT_RATIO = 1.5;

const values = readArguments(HELP, {
  changes: { type: 'string', default: '20' },
  utilisation: { type: 'string', default: '0.75' },
  seed: { type: 'string', default: '1' },
});
const changes = Number(values.changes);
const slots = PODS_PER_POOL * CONCURRENCY;
const print = (line: string): void => console.error(line);

await using stand = await startPodsStand({
  name: 'bench-rollout',
  workerTags: VERSIONS,
  print,
});
await stand.install('workerpool-controller', { 'bus.enabled': 'false' });
const spec = {
  replicas: PODS_PER_POOL,
  concurrency: CONCURRENCY,
  resources: { requests: { cpu: '10m', memory: '32Mi' } },
};
const rolled = await stand.addPool('rolled', spec);
const control = await stand.addPool('control', spec);

const end = new AbortController();
const pods = new Map<string, ObjectWatch<Resource & PodReadiness>>();
for (const { name, namespace } of [rolled, control]) {
  const watch = await ObjectWatch.start<Resource & PodReadiness>(stand.client, PODS, namespace, end.signal);
  pods.set(name, watch);
  await eventually(() => readySlots(watch.objects.values(), CONCURRENCY) >= slots, {
    timeoutMs: TIMEOUT_MS,
    description: `${PODS_PER_POOL} ready pods of ${name}`,
  });
}

const redis = new Redis(stand.redisUrl, { maxRetriesPerRequest: null });
const queues = [rolled.queue, control.queue];
const jobsPerSecond = (Number(values.utilisation) * slots * 1_000) / RUN_MS;
const load = startLoad({ redis, queues, jobsPerSecond, meanRunMs: RUN_MS, seed: Number(values.seed) });
const completed = (queue: string): Promise<number> => redis.zcard(`bull:${queue}:completed`);
await eventually(async () => (await completed(control.queue)) >= WARM_UP_JOBS, { timeoutMs: TIMEOUT_MS });

const rolledPods = pods.get(rolled.name)!;
let leastSlots = readySlots(rolledPods.objects.values(), CONCURRENCY);
rolledPods.onChange(() => {
  leastSlots = Math.min(leastSlots, readySlots(rolledPods.objects.values(), CONCURRENCY));
});
const from = load.added.get(rolled.queue)!.length;
const pools = await ObjectWatch.start<WorkerPool & Resource>(stand.client, WORKER_POOLS, rolled.namespace, end.signal);
const rolloutMs: number[] = [];
for (let change = 1; change <= changes; change++) {
  const version = VERSIONS[change % VERSIONS.length]!;
  const startMs = performance.now();
  const { namespace, name } = rolled;
  await stand.client.mergePatch(WORKER_POOLS, { namespace, name }, { spec: { version } });
  const running = pools.unfit(({ status }) => status?.currentVersion === version);
  const doneMs = await untilNone([running], TIMEOUT_MS, `version ${version} to run`);
  rolloutMs.push(doneMs - startMs);
  print(
    `${change}/${changes}  ${version} in ${Math.round(doneMs - startMs)} ms, least ready slots so far ${leastSlots}`,
  );
}
const to = load.added.get(rolled.queue)!.length;

await load.stop();
const results = [];
for (const { name, queue } of [rolled, control]) {
  const ids = load.added.get(queue)!;
  const ledger = await eventually(
    async () => {
      const read = await readWorkerLedger(redis, load.run(queue));
      return read.effects.size >= ids.length && read;
    },
    { timeoutMs: TIMEOUT_MS, intervalMs: 1_000, description: `the last jobs of ${name}` },
  ).catch(() => readWorkerLedger(redis, load.run(queue)));
  const waits = await firstWaits(redis, queue, ids.slice(from, to));
  const waitMs = (fraction: number): number => tenths(percentile(waits, fraction));
  results.push({
    pool: name,
    jobs: ids.length,
    ...balanceOf(new Set(ids), ledger),
    p50: waitMs(0.5),
    p95: waitMs(0.95),
  });
}
console.table(results);
const [ours, steady] = results;
const sum = (field: 'lost' | 'duplicated' | 'restarts'): number => ours![field] + steady![field];
const result = {
  bench: 'rollout',
  changes,
  lost: sum('lost'),
  duplicated: sum('duplicated'),
  minReadySlotsShare: Math.round((1_000 * leastSlots) / slots) / 1_000,
  p95WaitRatio: Math.round((100 * ours!.p95) / steady!.p95) / 100,
  restarts: sum('restarts'),
  jobs: ours!.jobs + steady!.jobs,
  p95WaitMs: ours!.p95,
  controlP95WaitMs: steady!.p95,
  rolloutP50Ms: tenths(percentile(rolloutMs, 0.5)),
};
if (result.p95WaitRatio > MAX_WAIT_RATIO) print(`p95WaitRatio ${result.p95WaitRatio} is above ${MAX_WAIT_RATIO}`);
console.log(JSON.stringify(result));
end.abort();
redis.disconnect();
await stand[Symbol.asyncDispose]();
process.exit(result.lost === 0 && result.duplicated === 0 && result.minReadySlotsShare >= 1 ? 0 : 1);
