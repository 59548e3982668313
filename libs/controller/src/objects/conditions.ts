import { timestamp } from '../time/timestamp.ts';
/** Kubernetes' metav1.Condition. */
export interface Condition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  observedGeneration?: number;
  lastTransitionTime: string;
  reason: string;
  message: string;
}

/**
 * `conditions` with `condition` set: in place when the type is there, else appended.
 * `lastTransitionTime` moves only when `status` does, so that an unchanged condition gives a deeply equal list.
 * @param now when the status changed, if it did
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: Date,
): Condition[] {
  const existing = findCondition(conditions, condition.type);
  const lastTransitionTime = existing?.status === condition.status ? existing.lastTransitionTime : timestamp(now);
  const updated: Condition = { ...condition, lastTransitionTime };
  if (!existing) return [...(conditions ?? []), updated];
  return (conditions ?? []).map((entry) => (entry === existing ? updated : entry));
}

/** `conditions` without the one of that type. */
export function removeCondition(conditions: readonly Condition[] | undefined, type: string): Condition[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isConditionTrue(conditions: readonly Condition[] | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}
