import type { Queue, WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { WORKER_CONTAINER, workerResources } from '@redis-queue/scaling';

// What the caches keep of the objects that thousands of pools and queues are described by: all that `topology.ts` and `cluster.ts`
// read. The rest, above all statuses with the signals of the last decision, would be most of the autoscaler's memory.

/** Of a pool its spec, with no more of the pod's template than the worker's resources, and what its status says of its pods and of the last decision's fence. */
export function keptOfPool(object: Resource): Resource {
  const { apiVersion, kind, metadata, spec, status } = object as WorkerPool & Resource;
  const { template, ...sizing } = spec;
  const resources = workerResources(template);
  const { desiredReplicas, blockedReplicas, autoscaling } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: identity(metadata),
    spec: {
      ...sizing,
      ...(resources && { template: { spec: { containers: [{ name: WORKER_CONTAINER, resources }] } } }),
    },
    status: {
      ...(desiredReplicas !== undefined && { desiredReplicas }),
      ...(blockedReplicas && { blockedReplicas }),
      ...(autoscaling?.decision !== undefined && { autoscaling: { decision: autoscaling.decision } }),
    },
  } as Resource;
}

/** Of a queue where to find it. */
export function keptOfQueue(object: Resource): Resource {
  const { apiVersion, kind, metadata, spec } = object as Queue & Resource;
  const { name, redis } = spec;
  return {
    apiVersion,
    kind,
    metadata: identity(metadata),
    spec: { ...(name !== undefined && { name }), ...(redis && { redis }) },
  } as Resource;
}

/** Names and versions are kept by the cache itself. */
function identity({ generation, deletionTimestamp }: Resource['metadata']): Resource['metadata'] {
  return {
    ...(generation !== undefined && { generation }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  } as Resource['metadata'];
}
