import { poolSpecView } from '@redis-queue/scaling';
import { exponential, lognormal, production, type Environment, type Pool, type Scaler } from '@redis-queue/simulator';

/** What every scaler is run in. */
export interface Stage {
  readonly concurrency: number;
  readonly waitTargetMs: number;
  readonly environment: Environment;
  readonly pool: NonNullable<ReturnType<typeof poolSpecView>>;
  /** Our policy on this stage, fresh. */
  readonly ours: () => Scaler | readonly Pool[];
}

/** What may be wrong with pods and nodes, and who else works on the queue; seconds, and plain data for a thread. */
export interface Circumstances {
  /** Share of the pods that never become ready. */
  readonly badPods?: number;
  readonly nodes?: {
    readonly podsPerNode: number;
    readonly standing: number;
    readonly startS: readonly [least: number, most: number];
  };
  /** Mean life of a pod, and the notice before its end. */
  readonly spot?: { readonly lifeS: number; readonly noticeS: number };
  /** From then on a second pool, as large as the first, works on the queue. Rivals have one pool throughout. */
  readonly secondPoolS?: number;
}

/** Pods start in log-normal times around the mean, a third more or less: image on the node, a Node.js worker. */
const START_VARIATION = 0.3;
const MAX_REPLICAS = 1_000;

export interface StageFlags {
  readonly concurrency: string;
  readonly target: string;
  readonly 'pod-start': string;
  readonly seed: string;
}

export const STAGE_DEFAULTS = { concurrency: '4', target: '5s', 'pod-start': '3', seed: '1' } as const;

/** The flags of a stage, for `parseArgs`. */
export const STAGE_FLAGS = {
  concurrency: { type: 'string', default: STAGE_DEFAULTS.concurrency },
  target: { type: 'string', default: STAGE_DEFAULTS.target },
  'pod-start': { type: 'string', default: STAGE_DEFAULTS['pod-start'] },
  seed: { type: 'string', default: STAGE_DEFAULTS.seed },
} as const;

/** @throws when a flag is not a number, naming it. */
export function openStage(
  flags: StageFlags,
  seed = numberOf('seed', flags.seed),
  circumstances: Circumstances = {},
): Stage {
  const concurrency = numberOf('concurrency', flags.concurrency);
  const podStart = numberOf('pod-start', flags['pod-start']);
  // The spec that a user would write, with every default: one setting for all workloads.
  const pool = poolSpecView({
    image: 'registry.example/worker',
    version: '1',
    queues: ['simulated'],
    concurrency,
    replicas: 1,
    autoscaling: {
      enabled: true,
      minReplicas: 0,
      maxReplicas: MAX_REPLICAS,
      targetMetrics: { latencyP95: flags.target },
    },
  });
  if (pool?.waitTargetMs === undefined) throw new Error(`--target=${flags.target}: write a duration such as 5s`);
  const { badPods, nodes, spot, secondPoolS } = circumstances;
  return {
    concurrency,
    waitTargetMs: pool.waitTargetMs,
    pool,
    ours: () => (secondPoolS === undefined ? production(pool, seed) : twoPools(pool, seed, secondPoolS * 1_000)),
    environment: {
      concurrency,
      maxReplicas: MAX_REPLICAS,
      podStartMs: lognormal(podStart * 1_000, START_VARIATION),
      seed,
      ...(badPods !== undefined && { badPods }),
      ...(nodes && { nodes: { ...nodes, startMs: between(nodes.startS) } }),
      ...(spot && { spot: { lifeMs: exponential(spot.lifeS * 1_000), noticeMs: spot.noticeS * 1_000 } }),
    },
  };
}

function twoPools(pool: Stage['pool'], seed: number, fromMs: number): readonly Pool[] {
  return [
    { scaler: production(pool, seed), fromMs: 0 },
    { scaler: production(pool, seed + 1), fromMs },
  ];
}

function between([leastS, mostS]: readonly [number, number]): Environment['podStartMs'] {
  return (random) => (leastS + random() * (mostS - leastS)) * 1_000;
}

function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag}=${text}: write a number above 0`);
  return value;
}
