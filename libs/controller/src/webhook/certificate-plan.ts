/** A certificate with its key and the CA that signed it, as PEM; the CA's own key is not kept. */
export interface Leaf {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** What is read of a leaf. Unix ms. */
export interface StoredLeaf extends Leaf {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** It names all names that are asked for, its key fits, and its CA has signed it. */
  readonly fits: boolean;
}

/** What the Secret holds. */
export interface StoredCertificates {
  readonly served: StoredLeaf | undefined;
  /** Made, and not served before every API server can know its CA. */
  readonly next: StoredLeaf | undefined;
  /** CAs that may be in use; what is published. */
  readonly bundle: readonly string[];
  /** Since when the bundle with the CA of `next` is published, Unix ms. */
  readonly publishedAtMs: number | undefined;
  /** Since when `served` is served, Unix ms. */
  readonly servedAtMs: number | undefined;
}

export type CertificateStep =
  /** There is nothing to serve: a new leaf is served at once, and its CA is the only one. */
  | { readonly kind: 'begin' }
  /** A new leaf is stored as the next one, its CA joins the bundle. */
  | { readonly kind: 'prepare' }
  /** The webhook configurations are given the bundle. */
  | { readonly kind: 'publish' }
  /** Writes down that the bundle is published. */
  | { readonly kind: 'notePublished' }
  /** The next leaf becomes the served one. */
  | { readonly kind: 'promote' }
  /** CAs of which nothing is served any more leave the bundle. */
  | { readonly kind: 'retire' };

export interface CertificatePlan {
  readonly step: CertificateStep | undefined;
  /** When to look again, ms from now, if nothing is heard before. */
  readonly lookAgainMs: number;
}

/** ms. */
export interface CertificateTimes {
  /** How long a leaf and its CA are valid. */
  readonly validMs: number;
  /** The next leaf is made when so much of the time is left. */
  readonly renewMs: number;
  /** So long the new CA is published before its leaf is served. */
  readonly publishedMs: number;
  /** So long a new leaf is served before the old CA goes. */
  readonly servedMs: number;
}

/**
 * A day, of which a leader can be away for a third. API servers follow webhook configurations by a watch, so within
 * seconds, or a minute where it has to be opened again; replicas follow the Secret likewise, and a long time costs nothing
 * there.
 */
export const CERTIFICATE_TIMES: CertificateTimes = {
  validMs: 24 * 3_600_000,
  renewMs: 8 * 3_600_000,
  publishedMs: 120_000,
  servedMs: 600_000,
};
const LOOK_AGAIN_MS = 300_000;

const stepNow = (kind: CertificateStep['kind']): CertificatePlan => ({ step: { kind }, lookAgainMs: 0 });

/**
 * The next step that keeps the webhook's certificate valid and trusted: a new CA is published before its leaf is served,
 * and an old one leaves when its leaf has not been served for long. All state is in the Secret and the configurations, so
 * that any leader goes on where another ended. Pure.
 *
 * @param published the bundles that the webhook configurations have; empty: there is no configuration.
 */
export function planCertificates(
  { served, next, bundle, publishedAtMs, servedAtMs }: StoredCertificates,
  published: readonly string[],
  nowMs: number,
  { renewMs, publishedMs, servedMs }: CertificateTimes = CERTIFICATE_TIMES,
): CertificatePlan {
  const at = (dueMs: number): number => Math.min(Math.max(0, dueMs - nowMs), LOOK_AGAIN_MS);
  const isUsable = (leaf: StoredLeaf | undefined): leaf is StoredLeaf =>
    leaf !== undefined && leaf.fits && leaf.notBeforeMs <= nowMs && nowMs < leaf.notAfterMs && bundle.includes(leaf.ca);

  if (!isUsable(served)) return stepNow(isUsable(next) ? 'promote' : 'begin');
  const whole = bundle.join('');
  if (published.some((each) => each !== whole)) return stepNow('publish');
  if (next) {
    if (!isUsable(next)) return stepNow('prepare');
    if (publishedAtMs === undefined) return stepNow('notePublished');
    const dueMs = publishedAtMs + publishedMs;
    return dueMs <= nowMs ? stepNow('promote') : { step: undefined, lookAgainMs: at(dueMs) };
  }
  const isOver = bundle.length > 1;
  const retireAtMs = (servedAtMs ?? nowMs) + servedMs;
  if (isOver && retireAtMs <= nowMs) return stepNow('retire');
  const renewAtMs = served.notAfterMs - renewMs;
  if (renewAtMs <= nowMs) return stepNow('prepare');
  return { step: undefined, lookAgainMs: at(isOver ? Math.min(retireAtMs, renewAtMs) : renewAtMs) };
}
