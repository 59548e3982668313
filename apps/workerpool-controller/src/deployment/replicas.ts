import type { WorkerPool } from '@redis-queue/api';
import { findCondition } from '@redis-queue/controller';
import { DECISION_ANNOTATION, parseFence, type Fence } from '@redis-queue/scaling-bus';
import { REPLICAS_ANNOTATION, SCALE_MANAGER, TEMPLATE_MANAGER } from '../kubernetes/names.ts';
import type { Deployment, ManagedFields } from '../kubernetes/objects.ts';
import { PoolCondition } from '../kubernetes/reasons.ts';

/** How long after another's write of `replicas` we leave it alone. */
export const CONTEST_MS = 5 * 60_000;

/** Before any decision: lower than every real one. */
export const NO_DECISION: Fence = { epoch: 0, sequence: 0 };

/** Who else wrote the Deployment's size. */
export interface Contest {
  readonly manager: string;
  /** When we take the size back; absent for a manager that declares the field for good (server-side apply). */
  readonly untilMs?: number;
}

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
  return owners(deployment).some(({ manager, operation }) => manager === SCALE_MANAGER && operation === 'Apply');
}

/**
 * Who contests the size at `nowMs`, from the managed fields of a live object. Another's plain write (kubectl scale, a
 * HorizontalPodAutoscaler) is left alone for `CONTEST_MS` from when status first reported it, because its note in the
 * object carries no time and stays for good. Another's server-side apply holds for as long as it declares the field.
 */
export function contestOf(deployment: Deployment, pool: WorkerPool, nowMs: number): Contest | undefined {
  if (isOurSize(deployment)) return undefined;
  const others = owners(deployment).filter(({ manager }) => manager !== SCALE_MANAGER && manager !== TEMPLATE_MANAGER);
  const declares = others.find(({ operation }) => operation === 'Apply');
  if (declares) return { manager: declares.manager ?? 'unknown' };
  const [wrote] = others;
  const contested = findCondition(pool.status?.conditions, PoolCondition.ReplicasContested);
  const untilMs = (contested ? Date.parse(contested.lastTransitionTime) : nowMs) + CONTEST_MS;
  return wrote && untilMs > nowMs ? { manager: wrote.manager ?? 'unknown', untilMs } : undefined;
}

function owners(deployment: Deployment): ManagedFields[] {
  return (deployment.metadata.managedFields ?? []).filter(({ fieldsV1 }) => {
    const spec = fieldsV1?.['f:spec'] as Record<string, unknown> | undefined;
    return spec !== undefined && 'f:replicas' in spec;
  });
}
