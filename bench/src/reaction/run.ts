import { setTimeout as sleep } from 'node:timers/promises';
import { DEPLOYMENTS, loadKubeClient, type KubeClient, type Resource } from '@redis-queue/controller';
import { seededRandom, wholeBetween } from '@redis-queue/simulator';
import { APP_NAMES } from '@redis-queue/rig';
import { startBusyQueues } from '../load/busy-queues.ts';
import {
  ALONE,
  createFleet,
  FLEET_TIMEOUT_MS,
  IN_FLIGHT,
  untilManaged,
  type FleetPool,
  type FleetSpec,
} from '../fleet/fleet.ts';
import { untilSized, wakePool, type Deployment } from '../fleet/wake.ts';
import { ObjectWatch, untilNone } from '../cluster-objects/object-watch.ts';
import { hundredths, percentile, tenths } from '../measuring/percentile.ts';
import type { Stand } from '../stand/stand.ts';

export interface ReactionOptions extends FleetSpec {
  /** How many of the pools work on jobs all the time; the others are at zero. */
  busyPools: number;
  /** First jobs of pools at zero that are measured per run. */
  tries: number;
  /** One after the other, of the same fleet. */
  runs: number;
  seed: number;
  print: (line: string) => void;
}

/** One run, or the medians of some, each figure by itself. */
export interface ReactionFigures {
  p50Ms: number;
  p99Ms: number;
  barePatchP50Ms: number;
  barePatchP99Ms: number;
  /** Of p99Ms to barePatchP99Ms. */
  p99RatioToBarePatch: number;
}

export interface ReactionResult extends ReactionFigures {
  /** In all runs. */
  n: number;
  pools: number;
  queues: number;
  busyPools: number;
  runs: readonly ReactionFigures[];
}

const WARM_UP = 3;
const TIMEOUT_MS = 60_000;
/** Between two tries: random, so that no timer's phase is hit more often than by chance. */
const PAUSE_MS = [100, 600] as const;

/**
 * Measures, on pools at zero one after the other, from the first job to the changed `spec.replicas` of its Deployment
 * as a watch sees it, while the whole fleet is scaled: Redis, autoscaler, bus, workerpool controller, API server, all
 * real, bundled and separate processes. Beside each, what a bare patch of a Deployment by an ideal client takes at that
 * moment.
 */
export async function runReaction(stand: Stand, options: ReactionOptions): Promise<ReactionResult> {
  const { tries, busyPools, print, pools, queues, seed } = options;
  const all = options.runs * tries;
  const { namespace } = stand;
  const client = loadKubeClient({ kubeconfigPath: stand.controlPlane.kubeconfigPath, maxConnections: IN_FLIGHT });
  const end = new AbortController();
  const { prefix } = stand.queuesRedis;
  const redis = stand.queuesRedis.connect();
  try {
    print(`creating ${queues} Queues and ${pools} WorkerPools`);
    const fleet = await createFleet(client, namespace, { ...options, redisPrefix: prefix });
    await createBare(client, namespace);
    const deployments = await ObjectWatch.start<Deployment>(client, DEPLOYMENTS, namespace, end.signal);
    for (const app of APP_NAMES) await stand.startApp(app, ALONE);
    await untilManaged(client, namespace, pools);

    const busy = fleet.slice(0, busyPools);
    await using during = new AsyncDisposableStack();
    during.use(
      await startBusyQueues(
        stand.redis.url,
        busy.flatMap((pool) => pool.queues),
      ),
    );
    await untilAll(deployments, busy, (replicas) => replicas > 0, 'busy pools to have pods');
    print(`${busyPools} pools are busy, ${pools - busyPools} at zero`);

    const reactions: number[] = [];
    const bares: number[] = [];
    const runs: ReactionFigures[] = [];
    const calm = new Turns(fleet.slice(busyPools), seededRandom(seed));
    for (let attempt = -WARM_UP; attempt < all; attempt++) {
      const pool = calm.next();
      await untilSized(deployments, pool.name, (replicas) => replicas === 0, FLEET_TIMEOUT_MS);
      await sleep(wholeBetween(calm.random, ...PAUSE_MS));
      const woken = { deployment: pool.name, queue: pool.queues.at(-1)!, prefix };
      const reactionMs = await wakePool(redis, deployments, woken);
      const bareMs = await patchBare(client, deployments, namespace);
      if (attempt < 0) continue;
      reactions.push(reactionMs);
      bares.push(bareMs);
      print(`${attempt + 1}/${all}  ${tenths(reactionMs)} ms  (bare patch ${tenths(bareMs)} ms)`);
      if ((attempt + 1) % tries === 0) runs.push(figuresOf(reactions.splice(0), bares.splice(0)));
    }
    return { ...mediansOf(runs), n: all, pools, queues, busyPools, runs };
  } finally {
    end.abort();
    redis.disconnect();
    await client.close();
  }
}

/** Goes through the pools in random order, repeatedly, so that the next one has always rested the longest. */
class Turns {
  readonly random: () => number;
  readonly #pools: FleetPool[];
  #turn = 0;

  constructor(pools: readonly FleetPool[], random: () => number) {
    if (pools.length === 0) throw new Error('no pool is left at zero: fewer of them must be busy');
    this.random = random;
    const lots = pools.map((pool) => ({ pool, lot: random() })).toSorted((a, b) => a.lot - b.lot);
    this.#pools = lots.map(({ pool }) => pool);
  }

  next(): FleetPool {
    return this.#pools[this.#turn++ % this.#pools.length]!;
  }
}

/** One patch of a Deployment's size, until the watch sees it, ms. */
async function patchBare(client: KubeClient, deployments: ObjectWatch<Deployment>, namespace: string): Promise<number> {
  const replicas = deployments.objects.get(BARE)!.spec.replicas === 0 ? 1 : 0;
  const seen = untilSized(deployments, BARE, (now) => now === replicas, TIMEOUT_MS);
  const startedMs = performance.now();
  await client.mergePatch(DEPLOYMENTS, { namespace, name: BARE }, { spec: { replicas } });
  return (await seen) - startedMs;
}

const BARE = 'bare';

async function createBare(client: KubeClient, namespace: string): Promise<void> {
  const labels = { app: BARE };
  const containers = [{ name: 'none', image: 'registry.example/none' }];
  await client.create(DEPLOYMENTS, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: BARE, namespace },
    spec: { replicas: 0, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  } as Resource);
}

async function untilAll(
  deployments: ObjectWatch<Deployment>,
  pools: readonly FleetPool[],
  fits: (replicas: number) => boolean,
  description: string,
): Promise<void> {
  const names = new Set(pools.map(({ name }) => name));
  const misfit = deployments.unfit(({ metadata, spec }) => !names.has(metadata.name) || fits(spec.replicas));
  await untilNone([misfit], FLEET_TIMEOUT_MS, description);
}

function figuresOf(reactions: readonly number[], bares: readonly number[]): ReactionFigures {
  const [p50Ms, p99Ms] = ends(reactions);
  const [barePatchP50Ms, barePatchP99Ms] = ends(bares);
  return { p50Ms, p99Ms, barePatchP50Ms, barePatchP99Ms, p99RatioToBarePatch: hundredths(p99Ms / barePatchP99Ms) };
}

function mediansOf(runs: readonly ReactionFigures[]): ReactionFigures {
  const median = (of: keyof ReactionFigures): number =>
    percentile(
      runs.map((run) => run[of]),
      0.5,
    );
  return {
    p50Ms: median('p50Ms'),
    p99Ms: median('p99Ms'),
    barePatchP50Ms: median('barePatchP50Ms'),
    barePatchP99Ms: median('barePatchP99Ms'),
    p99RatioToBarePatch: median('p99RatioToBarePatch'),
  };
}

function ends(values: readonly number[]): [p50: number, p99: number] {
  return [tenths(percentile(values, 0.5)), tenths(percentile(values, 0.99))];
}
