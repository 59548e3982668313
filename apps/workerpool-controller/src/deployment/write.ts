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

/**
 * Creates the Deployment with its first size. Not forced: one that somebody made since we read differs from ours, and
 * stays theirs.
 *
 * @throws ApiError Conflict when there is such a one.
 */
export function createDeployment(
  client: KubeClient,
  step: Extract<PoolStep, { kind: 'create' }>,
  signal?: AbortSignal,
): Promise<Deployment> {
  return client.apply<Deployment>(DEPLOYMENTS, withReplicas(step.deployment, step.replicas), {
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
 * Applies the PodDisruptionBudget. One that somebody made since we read differs from ours, and stays theirs: only ours
 * is forced.
 *
 * @throws ApiError Conflict when there is such a one, or ours is no longer as the plan saw it.
 */
export async function applyBudget(
  client: KubeClient,
  { budget, live }: BudgetStep,
  signal?: AbortSignal,
): Promise<void> {
  const { uid, resourceVersion } = live?.metadata ?? {};
  await client.apply(
    POD_DISRUPTION_BUDGETS,
    { ...budget, metadata: definedOnly({ ...budget.metadata, uid, resourceVersion }) },
    {
      fieldManager: TEMPLATE_MANAGER,
      force: live !== undefined,
      fieldValidation: 'Strict',
      ...(signal && { signal }),
    },
  );
}

function withReplicas(deployment: Deployment, replicas: number): Deployment {
  return { ...deployment, spec: { ...deployment.spec, replicas } };
}

function definedOnly<T extends { name: string }>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
