import { DEPLOYMENTS, keyOf, type KubeClient } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
import { DECISION_ANNOTATION, formatFence } from '@redis-queue/scaling-bus';
import { REPLICAS_ANNOTATION, SCALE_MANAGER, TAKEN_BACK_ANNOTATION, TEMPLATE_MANAGER } from '../kubernetes/names.ts';
import { POD_DISRUPTION_BUDGETS, type Deployment } from '../kubernetes/objects.ts';
import type { BudgetStep } from './disruption-budget.ts';
import type { PoolStep, SizeWrite } from './steps.ts';

// Reads and writes of a pool's Deployment and PodDisruptionBudget, on the API server itself.

/** The Deployment of the pool's name as it is now, managed fields included; undefined when there is none. */
export function readDeployment(
  pool: PoolObject,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<Deployment | undefined> {
  return client.get<Deployment>(DEPLOYMENTS, keyOf(pool), signal ? { signal } : {});
}

/** Stands for the fence in a Deployment that is being created, and is no fence. */
const BEING_CREATED = 'none';

/**
 * Creates the Deployment with its first size. Not forced: one that somebody made since we read differs from ours, and
 * stays theirs. So does our own once `redis-queue-scale` has written a fence, whatever became of its template: a creation
 * that is late, perhaps of a former leader, claims that there is none.
 *
 * @throws ApiError Conflict when there is such a one.
 */
export function createDeployment(
  client: KubeClient,
  step: Extract<PoolStep, { kind: 'create' }>,
  signal?: AbortSignal,
): Promise<Deployment> {
  const deployment = withReplicas(step.deployment, step.replicas);
  const annotations = { ...deployment.metadata.annotations, [DECISION_ANNOTATION]: BEING_CREATED };
  const created = { ...deployment, metadata: { ...deployment.metadata, annotations } };
  return client.apply<Deployment>(DEPLOYMENTS, created, {
    fieldManager: TEMPLATE_MANAGER,
    fieldValidation: 'Strict',
    ...(signal && { signal }),
  });
}

/**
 * Writes size and notes in one, on this very state of this very Deployment.
 *
 * @param options.force whether to write over others who own the size, which a cache does not show
 * @throws ApiError Conflict when it is no longer in that state, or, without force, others own the size.
 */
export function applySize(
  client: KubeClient,
  current: Deployment,
  { replicas, fence, takenBack }: SizeWrite,
  { force, signal }: { readonly force: boolean; readonly signal?: AbortSignal },
): Promise<Deployment> {
  const { name, namespace, uid, resourceVersion } = current.metadata;
  const annotations = {
    [DECISION_ANNOTATION]: formatFence(fence),
    [REPLICAS_ANNOTATION]: String(replicas),
    ...(takenBack !== undefined && { [TAKEN_BACK_ANNOTATION]: takenBack }),
  };
  return client.apply<Deployment>(
    DEPLOYMENTS,
    { metadata: definedOnly({ name, namespace, uid, resourceVersion, annotations }), spec: { replicas } },
    // By force also because `redis-queue` may still hold the value of the creation.
    { fieldManager: SCALE_MANAGER, force, ...(signal && { signal }) },
  );
}

/**
 * Applies all but the size, except for the size that the step has to carry, on this very state of this very Deployment.
 *
 * @throws ApiError Conflict when it is no longer in that state.
 */
export function applyTemplate(
  client: KubeClient,
  step: Extract<PoolStep, { kind: 'applyTemplate' }>,
  current: Deployment,
  signal?: AbortSignal,
): Promise<Deployment> {
  const { uid, resourceVersion } = current.metadata;
  const { carryReplicas } = step;
  const deployment = carryReplicas === undefined ? step.deployment : withReplicas(step.deployment, carryReplicas);
  return client.apply<Deployment>(
    DEPLOYMENTS,
    { ...deployment, metadata: definedOnly({ ...deployment.metadata, uid, resourceVersion }) },
    { fieldManager: TEMPLATE_MANAGER, force: true, fieldValidation: 'Strict', ...(signal && { signal }) },
  );
}

/**
 * Creates the PodDisruptionBudget, or applies it on the state of ours that the plan saw. Not created by an apply, which
 * would change one that is there: a creation may be late, perhaps of a former leader.
 *
 * @throws ApiError Conflict or AlreadyExists when it is no longer as the plan saw it.
 */
export async function applyBudget(
  client: KubeClient,
  { budget, live }: BudgetStep,
  signal?: AbortSignal,
): Promise<void> {
  const options = { fieldManager: TEMPLATE_MANAGER, fieldValidation: 'Strict', ...(signal && { signal }) } as const;
  if (!live) {
    await client.create(POD_DISRUPTION_BUDGETS, budget, options);
    return;
  }
  const { uid, resourceVersion } = live.metadata;
  const ours = { ...budget, metadata: definedOnly({ ...budget.metadata, uid, resourceVersion }) };
  await client.apply(POD_DISRUPTION_BUDGETS, ours, { ...options, force: true });
}

function withReplicas(deployment: Deployment, replicas: number): Deployment {
  return { ...deployment, spec: { ...deployment.spec, replicas } };
}

function definedOnly<T extends { name: string }>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
