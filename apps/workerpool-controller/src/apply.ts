import { DEPLOYMENTS, type KubeClient } from '@redis-queue/controller';
import { DECISION_ANNOTATION, formatFence, type Fence } from '@redis-queue/scaling-bus';
import type { BudgetStep } from './deployment/disruption-budget.ts';
import type { PoolStep } from './plan.ts';
import {
  POD_DISRUPTION_BUDGETS,
  REPLICAS_ANNOTATION,
  SCALE_MANAGER,
  TEMPLATE_MANAGER,
  type Deployment,
} from './resources.ts';

/**
 * Does one step; doing it twice changes nothing.
 *
 * @param current the Deployment as the plan saw it or the step before left it.
 * @returns the Deployment as it is now.
 * @throws ApiError Conflict when it is no longer the one that the plan saw: observe and plan again.
 */
export async function applyStep(
  client: KubeClient,
  step: PoolStep,
  current: Deployment | undefined,
  signal?: AbortSignal,
): Promise<Deployment | undefined> {
  if (step.kind === 'applyBudget') {
    await applyBudget(client, step, signal);
    return current;
  }
  if (step.kind === 'scale') return applySize(client, required(current), step.replicas, step.fence, signal);
  if (step.kind === 'applyTemplate') return applyTemplate(client, step, required(current), signal);
  // Not forced: a Deployment that somebody made since we looked differs from ours, and stays theirs.
  return client.apply<Deployment>(DEPLOYMENTS, withReplicas(step.deployment, step.replicas), {
    fieldManager: TEMPLATE_MANAGER,
    fieldValidation: 'Strict',
    ...(signal && { signal }),
  });
}

/** Writes size and fence in one, on this very state of this very Deployment. Throws as `applyStep`. */
export function applySize(
  client: KubeClient,
  current: Deployment,
  replicas: number,
  fence: Fence,
  signal?: AbortSignal,
): Promise<Deployment> {
  const { name, namespace, uid, resourceVersion } = current.metadata;
  const annotations = { [DECISION_ANNOTATION]: formatFence(fence), [REPLICAS_ANNOTATION]: String(replicas) };
  return client.apply<Deployment>(
    DEPLOYMENTS,
    { metadata: definedOnly({ name, namespace, uid, resourceVersion, annotations }), spec: { replicas } },
    // Forced: `redis-queue` may still hold the value of the creation. Others were looked for before.
    { fieldManager: SCALE_MANAGER, force: true, ...(signal && { signal }) },
  );
}

function applyTemplate(
  client: KubeClient,
  step: Extract<PoolStep, { kind: 'applyTemplate' }>,
  current: Deployment,
  signal: AbortSignal | undefined,
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

/** A budget that somebody made since we looked differs from ours, and stays theirs: only ours is forced. */
async function applyBudget(client: KubeClient, { budget, live }: BudgetStep, signal?: AbortSignal): Promise<void> {
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

function required(current: Deployment | undefined): Deployment {
  if (!current) throw new Error('a step that changes a Deployment was planned where there is none');
  return current;
}

function definedOnly<T extends { name: string }>(object: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
