import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUES, WORKER_POOLS, type Condition } from '@redis-queue/api';
import { DEPLOYMENTS, isApiFailure, loadKubeClient, type Resource } from '@redis-queue/controller';
import { APP_NAMES, eventually } from '@redis-queue/rig';
import { Redis } from 'ioredis';
import { readArguments } from '../command-line/arguments.ts';
import { tenths } from '../measuring/percentile.ts';
import { samplesOf } from '../measuring/prometheus.ts';
import { peakMib } from '../measuring/resident.ts';
import { buildApps, startStand, type RunningApp } from '../stand/stand.ts';
import { hostileCases, LONG_META, LONG_META_QUEUE, type HostileCase } from './cases.ts';
import { expandedValues, type PodOwner } from './expanded-values.ts';
import type { FieldSchema } from './string-fields.ts';

// What a tenant may write to make the controllers crash, grow, retry for ever or leak: each object is refused, or has a
// condition. A real API server and Redis; the apps are bundled, with the charts' Node flags.
const HELP = 'usage: make bench NAME=hostile-objects [ARGS="--quiet-seconds=60"]\n';
const GOALS = {
  silent: 0,
  restarts: 0,
  expanded: 0,
  slowestConditionS: 10,
  reconcilesPerObjectMinute: 12,
  rssMib: 128,
};
const TIMEOUT_MS = 60_000;

interface WithConditions extends Resource {
  readonly status?: { readonly observedGeneration?: number; readonly conditions?: readonly Condition[] };
}

interface Trial extends HostileCase {
  refused: number;
  /** What the API server said, or the reasons of Ready. */
  outcome: string;
  /** From the last create to the last condition, s; 0 when nothing was created. */
  seconds: number;
  created: number;
}

const { 'quiet-seconds': quiet } = readArguments(HELP, { 'quiet-seconds': { type: 'string', default: '60' } });
const print = (line: string): void => console.error(line);

print('building the apps, starting an API server and Redis');
await buildApps();
await using stand = await startStand();
const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath });
const apps: RunningApp[] = [];
for (const app of APP_NAMES) apps.push(await stand.startApp(app));
await storeLongMeta();
const cases = hostileCases({
  redisUrl: stand.redis.url,
  queueSpec: await specOf('queues.redis-queue.io'),
  poolSpec: await specOf('workerpools.redis-queue.io'),
});
print(`${cases.length} cases, each in a namespace of its own`);
const trials: Trial[] = [];
for (const each of cases) {
  trials.push(await attempt(each));
  if (trials.length % 20 === 0) print(`${trials.length}/${cases.length}`);
}
console.table(trials.map(({ name, created, outcome, seconds }) => ({ name, created, outcome, seconds })));

print(`counting reconciles for ${quiet} s`);
const before = await reconciles();
await sleep(Number(quiet) * 1_000);
const perMinute = ((await reconciles()) - before) * (60 / Number(quiet));
const objects = trials.reduce((sum, { created }) => sum + created, 0);
const { items } = await client.list<PodOwner>(DEPLOYMENTS, {});
const result = {
  cases: cases.length,
  objectsRefused: trials.reduce((sum, { refused }) => sum + refused, 0),
  objectsHandled: trials.reduce((sum, { created, outcome }) => sum + (outcome === '' ? 0 : created), 0),
  silent: trials.filter(({ outcome }) => outcome === '').length,
  restarts: apps.filter(({ process }) => !isAlive(process.pid)).length,
  expanded: items.flatMap(expandedValues).length,
  slowestConditionS: Math.max(...trials.map(({ seconds }) => seconds)),
  reconcilesPerObjectMinute: tenths(perMinute / objects),
  rssMib: Math.max(...apps.map(({ process }) => peakMib(process.pid))),
};
console.table(result);
console.log(JSON.stringify({ bench: 'hostile-objects', ...result, goals: GOALS }));
await Promise.all(apps.map(({ process }) => process.stop()));
await client.close();
if (result.silent + result.restarts + result.expanded > 0) process.exitCode = 1;

async function storeLongMeta(): Promise<void> {
  const redis = new Redis(stand.redis.url);
  const text = 'x'.repeat(LONG_META);
  const meta = { version: text, 'redis-queue:owner': text, concurrency: text, max: text, paused: text };
  await redis.hset(`bull:${LONG_META_QUEUE}:meta`, meta);
  redis.disconnect();
}

async function specOf(crd: string): Promise<FieldSchema> {
  const path = '{.spec.versions[0].schema.openAPIV3Schema.properties.spec}';
  return JSON.parse(await stand.controlPlane.kubectl('get', 'crd', crd, `-o=jsonpath=${path}`)) as FieldSchema;
}

/** Creates what a case has until something is refused, and waits for the condition of each that was not. */
async function attempt(hostile: HostileCase): Promise<Trial> {
  const namespace = await stand.controlPlane.createNamespace('hostile');
  let [created, refused] = [0, 0];
  for (const { type, object } of hostile.objects) {
    try {
      await client.create(type, { ...object, metadata: { ...object.metadata, namespace } });
      if (type === QUEUES || type === WORKER_POOLS) created++;
    } catch (error) {
      if (!isApiFailure(error)) throw error;
      refused++;
    }
  }
  const startedMs = performance.now();
  let reasons: readonly (string | undefined)[] = [];
  const settled = eventually(
    async () => {
      reasons = await readyReasons(namespace);
      return reasons.every((reason) => reason !== undefined);
    },
    { timeoutMs: TIMEOUT_MS, intervalMs: 20 },
  );
  const isSettled = await settled.then(
    () => true,
    () => false,
  );
  const seconds = created === 0 ? 0 : tenths((performance.now() - startedMs) / 1_000);
  const said = [...new Set([...(refused > 0 ? ['refused'] : []), ...reasons])].join(', ');
  return { ...hostile, created, refused, seconds, outcome: isSettled ? said : '' };
}

/** The reason of Ready of each Queue and WorkerPool; undefined of one that no controller has spoken of. */
async function readyReasons(namespace: string): Promise<(string | undefined)[]> {
  const lists = await Promise.all(
    [QUEUES, WORKER_POOLS].map((type) => client.list<WithConditions>(type, { namespace })),
  );
  return lists.flatMap(({ items: found }) =>
    found.map(({ metadata, status }) => {
      if (status?.observedGeneration !== metadata.generation) return undefined;
      return status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
    }),
  );
}

async function reconciles(): Promise<number> {
  const pages = await Promise.all(apps.map(({ process }) => process.metrics()));
  return pages
    .flatMap((page) => samplesOf(page, 'controller_runtime_reconcile_total'))
    .reduce((sum, { value }) => sum + value, 0);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
