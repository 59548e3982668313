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

export interface ReasonDoc {
  readonly kind: ReasonKind;
  /** What it means and what to do, for the reference page. */
  readonly doc: string;
}

/** The reasons of a kind. They are part of the API: alerts and scripts match them. */
export type ReasonTable = Readonly<Record<string, ReasonDoc>>;

/**
 * Reasons that every kind has: for objects that no controller has seen, for Degraded while nothing is wrong, and for
 * failures outside the kind itself.
 */
export const COMMON_REASONS = {
  Pending: { kind: 'pending', doc: 'No controller has seen the object yet.' },
  NeverAvailable: { kind: 'notice', doc: 'Degraded is Unknown: the object has not been Available yet.' },
  AsExpected: { kind: 'notice', doc: 'Degraded is False: nothing is known to make the object serve worse.' },
  ApiForbidden: {
    kind: 'stalled',
    doc: "The controller's ServiceAccount lacks a right; the message names it. The role of the chart has it; check which role is bound.",
  },
  ApiQuotaExceeded: {
    kind: 'retries',
    doc: 'A ResourceQuota of the namespace refuses an object of the controller; the message has its numbers. Raise it or make room.',
  },
  ApiRequestTooLarge: {
    kind: 'stalled',
    doc: 'What would be written is too large for the API server; shorten the spec.',
  },
  ApiRequestRefused: {
    kind: 'stalled',
    doc: 'The API server, an admission policy or a webhook refuses what would be written; the message says why.',
  },
  ApiThrottled: { kind: 'retries', doc: 'The API server is busy and asks to wait.' },
  ApiUnavailable: {
    kind: 'retries',
    doc: 'The API server, or a webhook that it calls, failed or did not answer; the message says which request.',
  },
  ReconcileTimeout: {
    kind: 'retries',
    doc: 'A part that the controller needs, such as Redis or the API server, does not answer; the object is tried again.',
  },
  WaitingForTurn: {
    kind: 'progressing',
    doc: 'The controller has not come to the object for seconds, or has no connection for it; the message says which share is used up.',
  },
  InternalError: {
    kind: 'retries',
    doc: "A fault of the controller; its log has the details. Please report it with the object's spec.",
  },
} as const satisfies ReasonTable;

/** Of the kinds whose objects run once. */
export const RestoredByVelero = {
  kind: 'stalled',
  doc: 'Velero has created the object anew, without a status that says how it ended. Nothing is run for it, since that might be done a second time. Have Velero restore statuses, or leave such objects out (docs/velero.md); create another object to have it run.',
} as const satisfies ReasonDoc;
