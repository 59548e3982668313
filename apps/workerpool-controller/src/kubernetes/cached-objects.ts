import { findCondition, type Resource } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import type { Deployment, PackedDeployment } from './objects.ts';

/**
 * Of the spec of an object that a cache holds, in characters: twice what the largest template that a WorkerPool may
 * have becomes. The API server takes 1.5 MB, of whoever labels a Deployment as a pool's.
 */
const MAX_SPEC = 96 * 1024;

/**
 * A PodDisruptionBudget as its cache holds it. Of a spec that is too large nothing is kept: it differs from any that a
 * pool asks for, so that the object itself is read before anything is decided.
 */
export function boundedSpec(object: Resource): Resource {
  const { spec = {} } = object as Resource & { spec?: object };
  return JSON.stringify(spec).length <= MAX_SPEC ? object : ({ ...object, spec: {} } as Resource);
}

/**
 * A Deployment as its cache holds it: its spec as one text, a quarter of what its hundreds of parts would take in memory.
 * Of one that is too large only the size is kept, as of a PodDisruptionBudget.
 */
export function packedDeployment(object: Resource): PackedDeployment {
  const { spec, ...rest } = object as Deployment;
  const { replicas } = spec;
  const packed = JSON.stringify(spec);
  return {
    ...rest,
    spec: { ...(replicas !== undefined && { replicas }), ...(packed.length <= MAX_SPEC && { packed }) },
  };
}

/** The Deployment that a cache holds, with the spec that it had. */
export function unpackedDeployment(cached: PackedDeployment): Deployment {
  const { packed, ...spec } = cached.spec;
  return { ...cached, spec: packed === undefined ? spec : (JSON.parse(packed) as Deployment['spec']) };
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
