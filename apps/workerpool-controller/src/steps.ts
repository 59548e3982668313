import type { PoolConfig } from './deployment/config.ts';
import type { Contest } from './deployment/contest.ts';
import type { RolloutScene } from './deployment/rollout.ts';
import type { PoolStep } from './deployment/steps.ts';
import type { PodUser } from './deployment/template/pod-template.ts';
import type { Deployment, PodDisruptionBudget } from './kubernetes/objects.ts';
import type { Problem } from './kubernetes/reasons.ts';
import type { PoolQueues } from './queues/resolve.ts';
import type { SizeScene } from './size/size.ts';

// What planning starts from and ends with. The steps themselves are in `deployment/steps.ts`.

/** The observed state, as far as it could be read. */
export interface ObservedPool extends SizeScene, RolloutScene {
  /** The Deployment of the pool's name, whoever it belongs to. */
  readonly deployment: Deployment | undefined;
  /** The PodDisruptionBudget of the pool's name, whoever it belongs to. */
  readonly budget: PodDisruptionBudget | undefined;
  readonly queues: PoolQueues | Problem;
  readonly config: PoolConfig;
  /** Whom worker pods run as; absent: `DEFAULT_POD_USER`. */
  readonly podUser?: PodUser | undefined;
  /** When what the API server refused is tried again. */
  readonly retryAtMs?: number;
}

/** What has to change, and what stands in the way of the spec. */
export interface PoolPlan {
  readonly steps: readonly PoolStep[];
  readonly problem?: Problem;
  readonly contest?: Contest;
}
