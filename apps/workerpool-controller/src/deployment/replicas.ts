import { DECISION_ANNOTATION, parseFence, type Fence } from '@redis-queue/scaling-bus';
import { REPLICAS_ANNOTATION, SCALE_MANAGER } from '../kubernetes/names.ts';
import type { Deployment, ManagedFields } from '../kubernetes/objects.ts';

/** Before any decision: lower than every real one. */
export const NO_DECISION: Fence = { epoch: 0, sequence: 0 };

/** The size as Kubernetes has it. */
export function liveReplicas(deployment: Deployment): number {
  return deployment.spec.replicas ?? 1;
}

/** The newest decision whose size the Deployment has; undefined before `redis-queue-scale` took the size over. */
export function fenceOf(deployment: Deployment): Fence | undefined {
  return parseFence(deployment.metadata.annotations?.[DECISION_ANNOTATION]);
}

/** Whether size and annotations are as we wrote them last. */
export function isOurSize(deployment: Deployment): boolean {
  return deployment.metadata.annotations?.[REPLICAS_ANNOTATION] === String(liveReplicas(deployment));
}

/** Whether `redis-queue-scale` owns the size, so that `redis-queue` may let go of it. Needs a live object. */
export function scaleManagerOwnsReplicas(deployment: Deployment): boolean {
  return ownersOfReplicas(deployment).some(
    ({ manager, operation }) => manager === SCALE_MANAGER && operation === 'Apply',
  );
}

/** Who owns the size, from the managed fields of a live object. */
export function ownersOfReplicas(deployment: Deployment): ManagedFields[] {
  return (deployment.metadata.managedFields ?? []).filter(({ fieldsV1 }) => {
    const spec = fieldsV1?.['f:spec'] as Record<string, unknown> | undefined;
    return spec !== undefined && 'f:replicas' in spec;
  });
}
