import {
  describeFailure,
  isConflict,
  isForbidden,
  isInvalid,
  isNotFound,
  keyToString,
  PODS,
  type FailureReason,
  type KubeClient,
  type Log,
  type ObjectKey,
  type Problem,
} from '@redis-queue/controller';
import { DELETION_COST_ANNOTATION } from '../kubernetes/names.ts';
import { POOL_LABEL, SCALE_MANAGER } from '../kubernetes/names.ts';
import { planVictims, type DeletionCost, type HeldByPods, type VictimPod } from './victims.ts';

/** Counts the costs that were written, and the scale-ins that had to do without. */
export interface VictimMetrics {
  deletionCosts(result: 'written' | 'refused'): void;
}

export interface ChooseDeps {
  readonly client: KubeClient;
  readonly signal: AbortSignal;
  readonly metrics: VictimMetrics;
  readonly log: Log;
  now(): Date;
}

/** Whether the pool may shrink. */
export type Choice =
  | { readonly kind: 'chosen' }
  /** It shrinks without sparing busy pods. */
  | { readonly kind: 'refused'; readonly problem: Problem<FailureReason> }
  /** It has to wait. */
  | { readonly kind: 'postponed'; readonly message: string };

/** Pods per page: some 2 MB of JSON, so that a pool of thousands fits into the controller's memory. */
const PAGE = 250;
const PATCHES_AT_ONCE = 16;
/** The kubelet writes pods too. */
const MAX_CONFLICTS = 5;

/**
 * Has Kubernetes take the pods that lose least when the pool shrinks to `to`: writes `pod-deletion-cost` where it
 * differs and matters.
 *
 * @throws when the API server does not answer or fails: the bus delivers again. A refusal (no right, an admission
 *   policy) would stay one, so the shrink goes on without, with a warning.
 */
export async function chooseVictims(pool: ObjectKey, to: number, held: HeldByPods, deps: ChooseDeps): Promise<Choice> {
  for (let conflicts = 0; ; conflicts++) {
    try {
      return await writeCosts(pool, to, held, deps);
    } catch (error) {
      if (isConflict(error) && conflicts < MAX_CONFLICTS) continue;
      if (!isForbidden(error) && !isInvalid(error)) throw error;
      return refused(pool, error, deps);
    }
  }
}

/** @throws ApiError Conflict when a pod has changed since it was read: what to write may have, too. */
async function writeCosts(pool: ObjectKey, to: number, held: HeldByPods, deps: ChooseDeps): Promise<Choice> {
  const plan = planVictims(await livePods(pool, deps), held, to, deps.now().getTime());
  if (plan.kind === 'postpone') return { kind: 'postponed', message: plan.message };
  const { namespace } = pool;
  await eachOf(plan.costs, (cost) => writeCost(namespace === undefined ? {} : { namespace }, cost, deps));
  return { kind: 'chosen' };
}

function refused(pool: ObjectKey, error: unknown, { metrics, log }: ChooseDeps): Choice {
  metrics.deletionCosts('refused');
  log.warn(
    { pool: keyToString(pool), err: error },
    'the pool shrinks without sparing busy pods: the API server refuses to list or patch its pods; check the rights of workerpool-controller and admission policies on pods',
  );
  return { kind: 'refused', problem: describeFailure(error) };
}

/**
 * From the API server, consistently: a cost that a stale list shows as written is not written again, and a pod that it
 * does not show counts as idle. Shrinking is rare, so that the read costs little.
 */
async function livePods(
  { namespace, name }: ObjectKey,
  { client, signal }: Pick<ChooseDeps, 'client' | 'signal'>,
): Promise<VictimPod[]> {
  const pods: VictimPod[] = [];
  const labelSelector = `${POOL_LABEL}=${name}`;
  let token: string | undefined;
  do {
    // oxlint-disable-next-line no-await-in-loop -- each page names the next
    const { items, metadata } = await client.list<VictimPod>(PODS, {
      ...(namespace !== undefined && { namespace }),
      labelSelector,
      limit: PAGE,
      signal,
      ...(token && { continue: token }),
    });
    pods.push(...items);
    token = metadata.continue;
  } while (token);
  return pods;
}

async function writeCost(
  place: { namespace?: string },
  { pod, uid, resourceVersion, cost }: DeletionCost,
  { client, signal, metrics }: ChooseDeps,
): Promise<void> {
  const annotations = { [DELETION_COST_ANNOTATION]: String(cost) };
  try {
    await client.mergePatch(
      PODS,
      { ...place, name: pod },
      { metadata: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }), annotations } },
      { fieldManager: SCALE_MANAGER, signal },
    );
    metrics.deletionCosts('written');
  } catch (error) {
    // Gone: nobody will take it.
    if (!isNotFound(error)) throw error;
  }
}

/** Does all, a few at once; throws the first error after those under way have ended. */
async function eachOf<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const lanes = Array.from({ length: Math.min(PATCHES_AT_ONCE, items.length) }, async () => {
    // oxlint-disable-next-line no-await-in-loop -- a lane does one after the other
    for (const item of rest) await act(item);
  });
  const failed = (await Promise.allSettled(lanes)).find((lane) => lane.status === 'rejected');
  if (failed) throw failed.reason;
}
