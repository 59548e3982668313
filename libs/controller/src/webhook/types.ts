import type { Resource } from '../objects/resources.ts';

/** What somebody wants to do with an object of ours: the part of an AdmissionReview that is judged. */
export interface AdmissionRequest<T extends Resource = Resource> {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly namespace: string;
  /** As it would be stored. */
  readonly object: T;
  /** As it is stored; only for an UPDATE. */
  readonly oldObject?: T | undefined;
  readonly dryRun: boolean;
  /** Aborts when the API server stops waiting for the answer. */
  readonly signal: AbortSignal;
}

/** Fields that the request is refused for, each as `spec.field: why, and the way out`; none: it passes. */
export interface Verdict {
  readonly refusals: readonly string[];
  /** What the API server shows to who asked, also when it passes. */
  readonly warnings?: readonly string[];
}

/** One addition to the object, RFC 6902. Defaults only ever add. */
export interface Addition {
  readonly op: 'add';
  readonly path: string;
  readonly value: unknown;
}

export interface Defaults {
  readonly additions: readonly Addition[];
  readonly warnings?: readonly string[];
}

/** What the webhook does for one kind; both are asked only for what `concerns` lets through. */
export interface KindAdmission<T extends Resource = Resource> {
  /** Lower case, as in `/validate/<kind>`. */
  readonly kind: string;
  validate?(request: AdmissionRequest<T>): Verdict | Promise<Verdict>;
  mutate?(request: AdmissionRequest<T>): Defaults | Promise<Defaults>;
}
