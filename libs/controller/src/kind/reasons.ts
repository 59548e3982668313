/** What a reason says of the object: the condition types that carry it follow from this. */
export type ReasonKind =
  /** Not known yet. */
  | 'pending'
  /** The object is in its desired state. */
  | 'ready'
  /** The controller tries again by itself. */
  | 'retries'
  /** Nothing changes until a person acts. */
  | 'stalled'
  /** Used by conditions other than Ready, and by events. */
  | 'notice';

/** The table of a kind's reasons, as far as conditions and events depend on it. */
export type ReasonKinds<R extends string> = Readonly<Record<R, { readonly kind: ReasonKind }>>;

/** The type of an event with this reason, unless its recorder knows better. */
export function eventType(kind: ReasonKind): 'Normal' | 'Warning' {
  return kind === 'retries' || kind === 'stalled' ? 'Warning' : 'Normal';
}
