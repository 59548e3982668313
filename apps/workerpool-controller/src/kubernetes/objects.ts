import type { Resource, ResourceType } from '@redis-queue/controller';

// The objects that the controller reads and writes, as far as it uses them.

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

/** A Deployment as its cache holds it, see `packedDeployment`. */
export interface PackedDeployment extends Omit<Deployment, 'spec'> {
  spec: { readonly replicas?: number; readonly packed?: string };
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
