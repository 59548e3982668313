import type { KubeClient } from '@redis-queue/controller';
import type { PoolStep } from './deployment/steps.ts';
import { applyBudget, applySize, applyTemplate, createDeployment } from './deployment/write.ts';
import type { Deployment } from './kubernetes/objects.ts';

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
  return createDeployment(client, step, signal);
}

function required(current: Deployment | undefined): Deployment {
  if (!current) throw new Error('a step that changes a Deployment was planned where there is none');
  return current;
}
