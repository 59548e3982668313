import { findCondition, removeCondition, setCondition, type Condition } from '../objects/conditions.ts';
import { clipText } from '../objects/clip-text.ts';
import { isTrouble, type ReasonKind, type ReasonKinds } from './reasons.ts';
import type { KindObject, Problem } from './types.ts';

/**
 * Of a condition's message, in UTF-16 units: for people, and kept with every object. The API server refuses a status with
 * one of more than 32 kB, and then nothing at all would be said.
 */
const MAX_MESSAGE = 1024;

/** A condition beside Ready: what it says, or undefined while there is nothing to say. `True` unless given. */
export type Notice<R extends string> = (Problem<R> & { readonly status?: Condition['status'] }) | undefined;

/**
 * The conditions of an object: Ready with its reason; Reconciling or Stalled (kstatus' abnormal-true types) by the kind
 * of that reason in the table; Available and Degraded; and the kind's own. Of the others, what does not hold is absent.
 * A condition that did not change keeps its time.
 *
 * @param ready what Ready says, trouble included.
 * @param notices the kind's further condition types, each of them named. Among them may be `Available`, where the kind
 * knows better than `availableOf`, and `Degraded`, for what degrades it and no other condition says.
 */
export function kindConditions<R extends string>(
  object: KindObject,
  reasons: ReasonKinds<R>,
  ready: Problem<R>,
  notices: Readonly<Record<string, Notice<R>>>,
  now: Date,
): Condition[] {
  const { kind } = reasons[ready.reason];
  const before = object.status?.conditions;
  const { Available: available, Degraded: worse, ...rest } = notices;
  const observedGeneration = object.metadata.generation ?? 0;
  const set = (list: readonly Condition[], type: string, notice: Notice<string>): Condition[] => {
    if (!notice) return removeCondition(list, type);
    const { status = 'True', reason } = notice;
    // As it comes back: the API server replaces half characters, and it would look as if somebody else had.
    const message = clipText(notice.message, MAX_MESSAGE).toWellFormed();
    return setCondition(list, { type, status, reason, message, observedGeneration }, now);
  };
  const held: [string, Notice<R>][] = [
    ['Ready', { ...ready, status: kind === 'ready' ? 'True' : 'False' }],
    ['Available', available ?? availableOf(before, kind, ready)],
    ['Reconciling', kind === 'retries' || kind === 'progressing' ? ready : undefined],
    ['Stalled', kind === 'stalled' ? ready : undefined],
    ...Object.entries(rest),
  ];
  const list = held.reduce((all, [type, notice]) => set(all, type, notice), [...(before ?? [])]);
  return set(list, 'Degraded', degradedOf(list, reasons, ready, worse));
}

/**
 * Whether an object serves, of a kind that does not say: it does while it is Ready. Otherwise what was last known stays,
 * since what cannot be applied leaves in effect what was.
 */
function availableOf<R extends string>(
  before: readonly Condition[] | undefined,
  kind: ReasonKind,
  ready: Problem<R>,
): Notice<R> {
  if (kind === 'ready') return ready;
  const known = findCondition(before, 'Available');
  if (!known || known.status === 'Unknown') return { ...ready, status: 'Unknown' };
  return { status: known.status, reason: known.reason as R, message: known.message };
}

/** The conditions that `degradedOf` does not read: those that say the same as Ready, or whether it serves at all. */
const OF_READY: ReadonlySet<string> = new Set(['Ready', 'Available', 'Degraded', 'Reconciling', 'Stalled']);

/**
 * Whether an object serves worse than it should: True with the first reason of trouble that a condition gives. Unknown
 * until it is Available for the first time: before that it has served neither well nor worse.
 */
function degradedOf<R extends string>(
  conditions: readonly Condition[],
  reasons: ReasonKinds<R>,
  ready: Problem<R>,
  worse: Notice<R>,
): Notice<string> {
  const before = findCondition(conditions, 'Degraded')?.status ?? 'Unknown';
  if (before === 'Unknown' && findCondition(conditions, 'Available')?.status !== 'True') {
    return { status: 'Unknown', reason: 'NeverAvailable', message: 'It has not been available yet.' };
  }
  if (isTrouble(reasons[ready.reason].kind)) return ready;
  const isBad = ({ reason }: Condition): boolean => isTrouble((reasons as Partial<ReasonKinds<R>>)[reason as R]?.kind);
  const trouble = worse ?? conditions.find((each) => !OF_READY.has(each.type) && isBad(each));
  if (trouble) return { reason: trouble.reason, message: trouble.message };
  return { status: 'False', reason: 'AsExpected', message: 'Nothing is known to make it serve worse.' };
}

/** What a condition says, to be said again while nothing newer is known; undefined: it is absent. */
export function saidBefore<R extends string>(
  conditions: readonly Condition[] | undefined,
  type: string,
): Problem<R> | undefined {
  const before = findCondition(conditions, type);
  return before && { reason: before.reason as R, message: before.message };
}

/** Whether Ready gives another reason than before: worth an event. */
export function isNews(object: KindObject, reason: string): boolean {
  return findCondition(object.status?.conditions, 'Ready')?.reason !== reason;
}
