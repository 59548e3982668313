import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { findCondition, type Resource } from '@redis-queue/controller';
import type { QueueObject } from '@redis-queue/redis-access';
import type { Deployment, PackedDeployment, PodDisruptionBudget } from './objects.ts';

/**
 * Of the spec of an object that a cache holds, in characters: twice what the largest template that a WorkerPool may
 * have becomes. The API server takes 1.5 MB, of whoever labels a Deployment as a pool's.
 */
const MAX_SPEC = 96 * 1024;

/** A window of 4 kB and little memory per call: specs are a few kB, and one is packed at each change of a Deployment. */
const PACKING = { windowBits: 12, memLevel: 5 };

/**
 * The part of a PodDisruptionBudget that its cache holds: not its status, which moves with every pod. Of a spec that is too
 * large nothing is kept: it differs from any that a pool asks for, so that the object itself is read before anything is
 * decided.
 */
export function cachedBudget(object: Resource): Resource {
  const { apiVersion, kind, metadata, spec } = object as PodDisruptionBudget;
  return { apiVersion, kind, metadata, spec: JSON.stringify(spec).length <= MAX_SPEC ? spec : {} } as Resource;
}

/**
 * A Deployment as its cache holds it: its spec as one compressed text, a tenth of what its hundreds of parts would take in
 * memory. Of one that is too large only the size is kept, as of a PodDisruptionBudget.
 */
export function packedDeployment(object: Resource): PackedDeployment {
  const { spec, ...rest } = object as Deployment;
  const { replicas } = spec;
  const text = JSON.stringify(spec);
  return {
    ...rest,
    spec: { ...(replicas !== undefined && { replicas }), ...(text.length <= MAX_SPEC && { packed: packed(text) }) },
  };
}

/** The Deployment that a cache holds, with the spec that it had. */
export function unpackedDeployment(cached: PackedDeployment): Deployment {
  const { packed: text, ...spec } = cached.spec;
  return { ...cached, spec: text === undefined ? spec : (JSON.parse(unpacked(text)) as Deployment['spec']) };
}

/** A text of single bytes lies in the heap as it is; a Buffer of its own takes some 200 bytes more. */
function packed(text: string): string {
  return deflateRawSync(text, PACKING).toString('latin1');
}

function unpacked(text: string): string {
  return inflateRawSync(Buffer.from(text, 'latin1'), PACKING).toString();
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
