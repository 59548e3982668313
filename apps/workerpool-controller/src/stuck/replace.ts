import {
  describeFailure,
  isConflict,
  isForbidden,
  isTooManyRequests,
  keyOf,
  PODS,
  type KubeClient,
  type Problem as KindProblem,
  type Resource,
} from '@redis-queue/controller';
import { POOL_LABEL } from '../kubernetes/names.ts';
import type { Reason } from '../kubernetes/reasons.ts';
import { trimPod, type Pod } from '../pods/pods.ts';

/** Eviction serves pods of one PodDisruptionBudget only; it answers 500. */
const SEVERAL_BUDGETS = /more than one PodDisruptionBudget/;

/** What became of a replacement. */
export type Replaced =
  | { readonly kind: 'done' }
  /** The pod has changed meanwhile: what is wrong with it now is not known. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'refused'; readonly problem: KindProblem<Reason> };

/**
 * Deletes the pod so that its ReplicaSet starts another, if it is still the one that was found silent. Its
 * PodDisruptionBudgets are asked right before, by an eviction that is a dry run: a real one shows admission no labels, so
 * that no policy could bind it to the pods of pools; see decision 174.
 *
 * @throws what the API server throws, except for a refusal.
 */
export async function replacePod(
  client: KubeClient,
  pool: string,
  pod: Pod,
  options: { readonly signal: AbortSignal },
): Promise<Replaced> {
  const key = keyOf(pod);
  try {
    const live = await client.get(PODS, key, options);
    if (live === undefined || !isSame(live, pod, pool)) return { kind: 'changed' };
    await client.dryRunEviction(PODS, key, options);
    const { uid = '', resourceVersion = '' } = live.metadata;
    const isGone = !(await client.delete(PODS, key, { uid, resourceVersion, ...options }));
    return { kind: isGone ? 'changed' : 'done' };
  } catch (error) {
    if (isConflict(error)) return { kind: 'changed' };
    if (isTooManyRequests(error) || SEVERAL_BUDGETS.test(String(error)))
      return { kind: 'refused', problem: { reason: 'PodsStuck', message: budget(error) } };
    if (!isForbidden(error)) throw error;
    const { message } = describeFailure(error);
    return { kind: 'refused', problem: { reason: 'ReplacementForbidden', message } };
  }
}

function isSame(live: Resource, pod: Pod, pool: string): boolean {
  const { ready, address, metadata } = trimPod(live);
  const isOurs = live.metadata.labels?.[POOL_LABEL] === pool && live.metadata.uid === pod.metadata.uid;
  return isOurs && ready && address === pod.address && metadata.deletionTimestamp === undefined;
}

function budget(error: unknown): string {
  return `A PodDisruptionBudget does not let a pod go now: ${error instanceof Error ? error.message : String(error)}`;
}
