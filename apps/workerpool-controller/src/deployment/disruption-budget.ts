import { isDeepStrictEqual } from 'node:util';
import { WORKER_POOLS, type WorkerPool } from '@redis-queue/api';
import { controllerOwnerReference, isOwnedBy, ownerKey, readOwnerReference, typeMeta } from '@redis-queue/controller';
import { APPLIED_ANNOTATION, POOL_LABEL, poolLabels } from '../kubernetes/names.ts';
import { POD_DISRUPTION_BUDGETS, type PodDisruptionBudget } from '../kubernetes/objects.ts';
import type { Problem } from '../kubernetes/reasons.ts';
import { hashOf } from './deployment.ts';
import { holds } from './drift.ts';

/** Kubernetes rounds up, so that a pool of one pod lets it go. */
const DEFAULT_MAX_UNAVAILABLE = '25%';

/** Applies the budget. `live`: the one that is there. */
export interface BudgetStep {
  readonly kind: 'applyBudget';
  readonly budget: PodDisruptionBudget;
  readonly live?: PodDisruptionBudget;
  readonly drift: boolean;
}

/** The budget that a pool asks for. Pure. */
export function desiredBudget(pool: WorkerPool): PodDisruptionBudget {
  const { name, namespace } = pool.metadata;
  const built: PodDisruptionBudget = {
    ...typeMeta(POD_DISRUPTION_BUDGETS),
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      labels: poolLabels(name),
      ownerReferences: [controllerOwnerReference(pool)],
    },
    spec: {
      maxUnavailable: pool.spec.disruptionBudget?.maxUnavailable ?? DEFAULT_MAX_UNAVAILABLE,
      selector: { matchLabels: { [POOL_LABEL]: name } },
      // A pod that is not ready serves nobody: without this, a broken version would block every node drain.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
  built.metadata.annotations = { [APPLIED_ANNOTATION]: hashOf(built) };
  return built;
}

/**
 * What has to change for the pool's budget to be as it should. Pure. Nothing when it is; a problem when the name is
 * taken. One of a deleted pool of this name is waited for: the watch reports its deletion.
 */
export function planBudget(pool: WorkerPool, live: PodDisruptionBudget | undefined): BudgetStep | Problem | undefined {
  const budget = desiredBudget(pool);
  if (!live) return { kind: 'applyBudget', budget, drift: false };
  if (!isOwnedBy(live, pool)) {
    return ownerKey(live, WORKER_POOLS)?.name === pool.metadata.name ? undefined : taken(live);
  }
  if (live.metadata.deletionTimestamp) return undefined;
  const unchanged =
    live.metadata.annotations?.[APPLIED_ANNOTATION] === budget.metadata.annotations?.[APPLIED_ANNOTATION];
  // The selector is the whole of what is protected: one more label in it protects other pods, or none.
  if (unchanged && holds(budget, live) && isDeepStrictEqual(live.spec.selector, budget.spec.selector)) return undefined;
  return { kind: 'applyBudget', budget, live, drift: unchanged };
}

function taken(live: PodDisruptionBudget): Problem {
  const { namespace, name } = live.metadata;
  const owner = readOwnerReference(live);
  const whose = owner ? `${owner.kind} ${owner.name}` : 'nobody';
  return {
    reason: 'DisruptionBudgetExists',
    message: `PodDisruptionBudget ${namespace}/${name} exists and is owned by ${whose}, so the pool's pods are not protected by one of their own; delete it or give the pool another name`,
  };
}
