import type { Resource } from '@redis-queue/controller';

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
