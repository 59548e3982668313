import { GROUP, type WorkerPool } from '@redis-queue/api';
import type { Resource, ResourceType } from '@redis-queue/controller';

export type PoolObject = WorkerPool & Resource;

export interface Secret extends Resource {
  data?: Record<string, string>;
}

/** Owns everything of the Deployment but its size. */
export const TEMPLATE_MANAGER = 'redis-queue';
/** Owns the Deployment's size and the annotations that say where it comes from. */
export const SCALE_MANAGER = 'redis-queue-scale';
/** Owns `WorkerPool.status`. */
export const STATUS_MANAGER = 'redis-queue-status';

/** The one label that selects a pool's Deployment and pods. */
export const POOL_LABEL = `${GROUP}/pool`;

/** The labels of everything that belongs to a pool. */
export function poolLabels(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'redis-queue', [POOL_LABEL]: name };
}

/** On the Deployment: hash of all that `redis-queue` applied, so that a field we no longer want is noticed. */
export const APPLIED_ANNOTATION = `${GROUP}/applied`;
/** On the Deployment: `spec.version` of the pool that it was built from. */
export const VERSION_ANNOTATION = `${GROUP}/version`;
/** On the Deployment: the size that we wrote last; another in `spec.replicas` is somebody else's. */
export const REPLICAS_ANNOTATION = `${GROUP}/replicas`;
/** On the pod template: changes with the content of the Redis Secret, so that pods are replaced. */
export const SECRET_ANNOTATION = `${GROUP}/redis-secret`;
/** On the pod template: changes with the content of the ConfigMaps and Secrets that `spec.template` names. */
export const CONFIG_ANNOTATION = `${GROUP}/config`;
/** On a WorkerPool: "off" for images that serve no /livez and /readyz, such as plain BullMQ. */
export const PROBES_ANNOTATION = `${GROUP}/probes`;

/** One writer of an object's fields, as the API server notes it. */
export interface ManagedFields {
  manager?: string;
  operation?: 'Apply' | 'Update';
  subresource?: string;
  time?: string;
  fieldsV1?: Record<string, unknown>;
}

/** What we read of a Deployment. Caches leave `managedFields` out. */
export interface Deployment extends Resource {
  metadata: Resource['metadata'] & { managedFields?: ManagedFields[] };
  spec: { replicas?: number; [field: string]: unknown };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    conditions?: {
      type: string;
      status: string;
      reason?: string;
      message?: string;
      lastUpdateTime?: string;
      lastTransitionTime?: string;
    }[];
  };
}

export const POD_DISRUPTION_BUDGETS: ResourceType = {
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  kind: 'PodDisruptionBudget',
  namespaced: true,
};

/** What we read of a PodDisruptionBudget. */
export interface PodDisruptionBudget extends Resource {
  spec: { maxUnavailable?: number | string; selector?: object; [field: string]: unknown };
}

/** What we read of a ConfigMap. */
export interface ConfigMap extends Resource {
  data?: Record<string, string>;
  binaryData?: Record<string, string>;
}
