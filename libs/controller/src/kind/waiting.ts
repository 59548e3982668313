import { findCondition } from '../objects/conditions.ts';
import type { ReconcileContext } from '../controller/types.ts';
import { kindConditions } from './conditions.ts';
import type { FailureReason } from './failures.ts';
import type { KindRuntime } from './reconcile-kind.ts';
import type { Kind, KindObject, Plan, Problem } from './types.ts';

/**
 * Says in an object's conditions that its reconcile waits for its turn, unless they already speak of this generation.
 *
 * @param usedUp the share of reconciles that is used up: the object's namespace or server; undefined when it only waits.
 * @returns undefined when there is nothing to say; otherwise rejects with a conflict when the object changed meanwhile.
 */
export function reportKindWaiting<T extends KindObject, O, P extends Plan, R extends string>(
  kind: Pick<Kind<T, O, P, R | FailureReason>, 'reasons'>,
  { object, signal }: ReconcileContext<T>,
  usedUp: string | undefined,
  { status, now }: KindRuntime<T>,
): Promise<void> | undefined {
  if (!object || speaksOfGeneration(object)) return undefined;
  const conditions = kindConditions(object, kind.reasons, describeWaiting(usedUp), {}, now());
  return status.writeOnce(object, { ...status.ownedOf(object), conditions }, signal);
}

function speaksOfGeneration({ metadata, status }: KindObject): boolean {
  const ready = findCondition(status?.conditions, 'Ready');
  return ready !== undefined && ready.reason !== 'Pending' && ready.observedGeneration === metadata.generation;
}

/** Without numbers, which would change. */
function describeWaiting(usedUp: string | undefined): Problem<'WaitingForTurn'> {
  const cause =
    usedUp === undefined
      ? 'the controller is busy with objects that became due before'
      : `${usedUp} has as many reconciles under way as its share allows, and others of it go first`;
  return { reason: 'WaitingForTurn', message: `this generation waits for its turn: ${cause}` };
}
