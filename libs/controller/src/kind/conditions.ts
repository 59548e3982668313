import { findCondition, removeCondition, setCondition, type Condition } from '../objects/conditions.ts';
import { clipText } from '../objects/clip-text.ts';
import type { ReasonKinds } from './reasons.ts';
import type { KindObject, Problem } from './types.ts';

/**
 * Of a condition's message, in UTF-16 units: for people, and kept with every object. The API server refuses a status with
 * one of more than 32 kB, and then nothing at all would be said.
 */
const MAX_MESSAGE = 1024;

/** A condition beside Ready: what it says, or undefined while it is absent. `True` unless given. */
export type Notice<R extends string> = (Problem<R> & { readonly status?: Condition['status'] }) | undefined;

/**
 * The conditions of an object: Ready with its reason; Reconciling or Stalled (kstatus' abnormal-true types) by the kind
 * of that reason in the table; and the kind's own. What does not hold is absent, and a condition that did not change
 * keeps its time.
 *
 * @param ready what Ready says, trouble included.
 * @param notices the kind's further condition types, each of them named.
 */
export function kindConditions<R extends string>(
  object: KindObject,
  reasons: ReasonKinds<R>,
  ready: Problem<R>,
  notices: Readonly<Record<string, Notice<R>>>,
  now: Date,
): Condition[] {
  const { kind } = reasons[ready.reason];
  const held: [string, Notice<R>][] = [
    ['Ready', { ...ready, status: kind === 'ready' ? 'True' : 'False' }],
    ['Reconciling', kind === 'retries' ? ready : undefined],
    ['Stalled', kind === 'stalled' ? ready : undefined],
    ...Object.entries(notices),
  ];
  const observedGeneration = object.metadata.generation ?? 0;
  return held.reduce<Condition[]>(
    (list, [type, notice]) => {
      if (!notice) return removeCondition(list, type);
      const { status = 'True', reason } = notice;
      // As it comes back: the API server replaces half characters, and it would look as if somebody else had.
      const message = clipText(notice.message, MAX_MESSAGE).toWellFormed();
      return setCondition(list, { type, status, reason, message, observedGeneration }, now);
    },
    [...(object.status?.conditions ?? [])],
  );
}

/** Whether Ready gives another reason than before: worth an event. */
export function isNews(object: KindObject, reason: string): boolean {
  return findCondition(object.status?.conditions, 'Ready')?.reason !== reason;
}
