import { poolSpecView } from '@redis-queue/scaling';
import { lognormal, type Environment } from '@redis-queue/simulator';

/** What every scaler is run in. */
export interface Stage {
  readonly concurrency: number;
  readonly waitTargetMs: number;
  readonly environment: Environment;
  readonly pool: NonNullable<ReturnType<typeof poolSpecView>>;
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
export function openStage(flags: StageFlags, seed = numberOf('seed', flags.seed)): Stage {
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
  return {
    concurrency,
    waitTargetMs: pool.waitTargetMs,
    pool,
    environment: {
      concurrency,
      maxReplicas: MAX_REPLICAS,
      podStartMs: lognormal(podStart * 1_000, START_VARIATION),
      seed,
    },
  };
}

function numberOf(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${flag}=${text}: write a number above 0`);
  return value;
}
