/** What a reason says of the object: the condition types that carry it follow from this. */
export type ReasonKind =
  /** Not known yet. */
  | 'pending'
  /** The object is in its desired state. */
  | 'ready'
  /** On the way to its desired state, as it should be. */
  | 'progressing'
  /** Trouble; the controller tries again by itself. */
  | 'retries'
  /** Nothing changes until a person acts. */
  | 'stalled'
  /** Trouble beside Ready: the object serves, but worse than it should. */
  | 'degraded'
  /** Used by conditions other than Ready, and by events: nothing is wrong. */
  | 'notice';

const TROUBLE: ReadonlySet<ReasonKind | undefined> = new Set<ReasonKind>(['retries', 'stalled', 'degraded']);

/** Whether a reason of this kind, in whatever condition, says that something is wrong. */
export function isTrouble(kind: ReasonKind | undefined): boolean {
  return TROUBLE.has(kind);
}

/** The table of a kind's reasons, as far as conditions and events depend on it. */
export type ReasonKinds<R extends string> = Readonly<Record<R, { readonly kind: ReasonKind }>>;

/** The type of an event with this reason, unless its recorder knows better. */
export function eventType(kind: ReasonKind): 'Normal' | 'Warning' {
  return isTrouble(kind) ? 'Warning' : 'Normal';
}
