import { PROBES_ANNOTATION, quantityValue, type Queue, type WorkerPool } from '@redis-queue/api';
import type { Resource } from '@redis-queue/controller';
import { WORKER_CONTAINER, workerResources } from '@redis-queue/scaling';

// The caches hold only what `topology.ts` and `pool-status.ts` read of the objects that describe thousands of pools and
// queues. The rest, above all statuses with the signals of the last decision, would be most of the autoscaler's memory.

/**
 * The part of a pool that its cache holds: its spec, with no more of the pod's template than the worker's resources,
 * and what its status says of its pods and of the last decision's fence.
 */
export function cachedPool(object: Resource): Resource {
  const { apiVersion, kind, metadata, spec, status } = object as WorkerPool & Resource;
  const { template, resources: own, ...sizing } = spec;
  const resources = amountsOf(own);
  const over = amountsOf(workerResources(template));
  const { desiredReplicas, readyReplicas, blockedReplicas, podStartSeconds, autoscaling } = status ?? {};
  return {
    apiVersion,
    kind,
    metadata: { ...identity(metadata), ...probes(metadata) },
    spec: {
      ...sizing,
      ...(resources && { resources }),
      ...(over && { template: { spec: { containers: [{ name: WORKER_CONTAINER, resources: over }] } } }),
    },
    status: {
      ...(desiredReplicas !== undefined && { desiredReplicas }),
      ...(readyReplicas !== undefined && { readyReplicas }),
      ...(blockedReplicas && { blockedReplicas }),
      ...(podStartSeconds !== undefined && { podStartSeconds }),
      ...(autoscaling?.decision !== undefined && { autoscaling: { decision: autoscaling.decision } }),
    },
  } as Resource;
}

interface Resources {
  readonly requests?: Amounts;
  readonly limits?: Amounts;
}
type Amounts = Readonly<Record<string, string | number>>;

/** Cores and memory, where these are amounts: a template is the user's, and may hold anything there. */
function amountsOf(resources: { readonly requests?: unknown; readonly limits?: unknown } | null | undefined) {
  const [requests, limits] = [coresAndMemory(resources?.requests), coresAndMemory(resources?.limits)];
  const found: Resources = { ...(requests && { requests }), ...(limits && { limits }) };
  return requests || limits ? found : undefined;
}

function coresAndMemory(amounts: unknown): Amounts | undefined {
  if (typeof amounts !== 'object' || amounts === null) return undefined;
  const known = ['cpu', 'memory'].flatMap((name): [string, string | number][] => {
    const amount: unknown = Object.hasOwn(amounts, name) ? (amounts as Record<string, unknown>)[name] : undefined;
    return quantityValue(amount) === undefined ? [] : [[name, amount as string | number]];
  });
  return known.length === 0 ? undefined : Object.fromEntries(known);
}

/** The part of a queue that its cache holds: where to find it in Redis. */
export function cachedQueue(object: Resource): Resource {
  const { apiVersion, kind, metadata, spec } = object as Queue & Resource;
  const { name, redis } = spec;
  return {
    apiVersion,
    kind,
    metadata: identity(metadata),
    spec: { ...(name !== undefined && { name }), ...(redis && { redis }) },
  } as Resource;
}

/** Of the annotations the one that `hasProbes` reads. */
function probes({ annotations }: Resource['metadata']): Pick<Resource['metadata'], 'annotations'> {
  const probed = annotations?.[PROBES_ANNOTATION];
  return probed === undefined ? {} : { annotations: { [PROBES_ANNOTATION]: probed } };
}

/** The cache itself adds names and versions. */
function identity({ generation, deletionTimestamp }: Resource['metadata']): Resource['metadata'] {
  return {
    ...(generation !== undefined && { generation }),
    ...(deletionTimestamp !== undefined && { deletionTimestamp }),
  } as Resource['metadata'];
}
