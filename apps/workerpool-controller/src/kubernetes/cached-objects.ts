import { findCondition, type Resource } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';

/**
 * Of the spec of an object that a cache holds, in characters: twice what the largest template that a WorkerPool may
 * have becomes. The API server takes 1.5 MB, of whoever labels a Deployment as a pool's.
 */
const MAX_SPEC = 96 * 1024;

/**
 * A Deployment or PodDisruptionBudget as its cache holds it. Of a spec that is too large only the size is kept: it
 * differs from any that a pool asks for, so that the object itself is read before anything is decided.
 */
export function boundedSpec(object: Resource): Resource {
  const { spec = {} } = object as Resource & { spec?: { replicas?: number } };
  if (JSON.stringify(spec).length <= MAX_SPEC) return object;
  const { replicas } = spec;
  return { ...object, spec: { ...(replicas !== undefined && { replicas }) } } as Resource;
}

/**
 * The part of a Queue that its cache holds: where it is in Redis, what its jobs are given, and where its status says that
 * it is. The rest, as its counts and its job schedulers with their templates, is nothing to a pool.
 */
export function cachedQueue(object: Resource): Resource {
  const { apiVersion, kind, metadata, spec, status = {} } = object as QueueObject;
  const { generation, deletionTimestamp } = metadata;
  const { name, redis, jobTimeout } = spec;
  const { observedGeneration, conditions, effective } = status;
  const ready = findCondition(conditions, 'Ready');
  return {
    apiVersion,
    kind,
    metadata: {
      ...(generation !== undefined && { generation }),
      ...(deletionTimestamp !== undefined && { deletionTimestamp }),
    },
    spec: {
      ...(name !== undefined && { name }),
      ...(redis && { redis }),
      ...(jobTimeout !== undefined && { jobTimeout }),
    },
    status: {
      ...(observedGeneration !== undefined && { observedGeneration }),
      ...(ready && { conditions: [{ type: ready.type, status: ready.status }] }),
      ...(effective?.redisAddress !== undefined && { effective: { redisAddress: effective.redisAddress } }),
    },
  } as unknown as Resource;
}
