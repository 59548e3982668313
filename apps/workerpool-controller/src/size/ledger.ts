import type { Problem } from '../kubernetes/reasons.ts';
import { compareFence, type Fence, type ScalingDecision } from '@redis-queue/scaling-bus';

/** A change of size, for status and people. */
export interface Scaling {
  readonly atMs: number;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** The event that reports a change of size. */
export function scaledEvent({ from, to, reason }: Omit<Scaling, 'atMs'>): {
  readonly reason: 'ScaledUp' | 'ScaledDown';
  readonly message: string;
} {
  // A decision's sentence begins with the size.
  const why = reason.replace(/^[0-9,]+ replicas?: /, '');
  return { reason: to > from ? 'ScaledUp' : 'ScaledDown', message: `from ${from} to ${to} replicas: ${why}` };
}

interface Entry {
  decision?: ScalingDecision;
  unknownVersion?: string;
  scalings: Scaling[];
  /** Decisions on the pool that are being acted on. */
  inHand?: number;
  /** A status waits for them. */
  awaited?: boolean;
  /** Why the newest decision could not be applied. */
  unapplied?: { problem: Problem; atMs: number };
  /** Why the last shrink did not spare busy pods; null when it did. */
  unspared?: Problem | null;
  /** The newest fence that was written on the Deployment. */
  written?: { fence: Fence; atMs: number };
}

const MAX_SCALINGS = 10;
/** A decision that cannot be applied comes again every few seconds; one that has stopped coming says nothing any more. */
const UNAPPLIED_MS = 60_000;
/** Caches show a write within milliseconds; after this, status reports what they show. */
const SHOWN_WITHIN_MS = 2_000;

/**
 * What status has still to report of each pool. Losing it in a crash loses a line of history, never a size: sizes and
 * fences are on the Deployment.
 */
export class DecisionLedger {
  readonly #entries = new Map<string, Entry>();

  /** The newest decision on the pool since this process began. */
  decision(poolUid: string): ScalingDecision | undefined {
    return this.#entries.get(poolUid)?.decision;
  }

  seen(poolUid: string): Fence | undefined {
    return this.decision(poolUid);
  }

  note(decision: ScalingDecision): void {
    const entry = this.#entry(decision.pool.uid);
    if (!entry.decision || compareFence(decision, entry.decision) > 0) entry.decision = decision;
    delete entry.unknownVersion;
  }

  /** Why decisions on the pool in a later version of the bus are dropped; until one is understood. */
  unknownVersion(poolUid: string): string | undefined {
    return this.#entries.get(poolUid)?.unknownVersion;
  }

  /** @returns whether that is news */
  notUnderstood(poolUid: string, why: string): boolean {
    const entry = this.#entry(poolUid);
    const news = entry.unknownVersion !== why;
    entry.unknownVersion = why;
    return news;
  }

  /** The newest decision could not be applied. @returns whether that is news */
  notApplied(poolUid: string, problem: Problem, atMs: number): boolean {
    const entry = this.#entry(poolUid);
    const news = entry.unapplied?.problem.reason !== problem.reason;
    entry.unapplied = { problem: news ? problem : entry.unapplied!.problem, atMs };
    return news;
  }

  /** A decision was acted on. @returns whether that is news: one before could not be */
  applied(poolUid: string): boolean {
    const entry = this.#entries.get(poolUid);
    if (!entry?.unapplied) return false;
    delete entry.unapplied;
    return true;
  }

  /** Why decisions cannot be applied, and for how long that counts unless it happens again. */
  unapplied(poolUid: string, nowMs: number): { readonly problem: Problem; readonly forMs: number } | undefined {
    const unapplied = this.#entries.get(poolUid)?.unapplied;
    const forMs = unapplied ? unapplied.atMs + UNAPPLIED_MS - nowMs : 0;
    return unapplied && forMs > 0 ? { problem: unapplied.problem, forMs } : undefined;
  }

  /** The pool shrinks. @param problem why it does not spare busy pods */
  choseVictims(poolUid: string, problem?: Problem): void {
    this.#entry(poolUid).unspared = problem ?? null;
  }

  /** Why the last shrink did not spare busy pods: null when it did, undefined when there was none. */
  unspared(poolUid: string): Problem | null | undefined {
    return this.#entries.get(poolUid)?.unspared;
  }

  /** @param fence that the size was written with, if a decision changed it */
  scaled(poolUid: string, scaling: Scaling, fence?: Fence): void {
    const entry = this.#entry(poolUid);
    if (fence) entry.written = { fence, atMs: scaling.atMs };
    entry.scalings = [scaling, ...entry.scalings].slice(0, MAX_SCALINGS);
  }

  /** Changes of size that status does not report yet, newest first. */
  unreported(poolUid: string): readonly Scaling[] {
    return this.#entries.get(poolUid)?.scalings ?? [];
  }

  /** Status reports these now. */
  reported(poolUid: string, scalings: readonly Scaling[]): void {
    const entry = this.#entries.get(poolUid);
    if (entry) entry.scalings = entry.scalings.filter((scaling) => !scalings.includes(scaling));
  }

  /** A decision on the pool is being acted on, until `done`. */
  begin(poolUid: string): void {
    const entry = this.#entry(poolUid);
    entry.inHand = (entry.inHand ?? 0) + 1;
  }

  /** @returns whether a status waits for it, and is to be written now */
  done(poolUid: string): boolean {
    const entry = this.#entry(poolUid);
    entry.inHand = Math.max(0, (entry.inHand ?? 0) - 1);
    const awaited = entry.inHand === 0 && entry.awaited === true;
    if (entry.inHand === 0) delete entry.awaited;
    // A decision on a pool that is gone leaves nothing behind: nobody will call `forget` for it.
    if (
      entry.inHand === 0 &&
      !entry.decision &&
      !entry.written &&
      !entry.unknownVersion &&
      !entry.unapplied &&
      entry.unspared === undefined &&
      entry.scalings.length === 0
    ) {
      this.#entries.delete(poolUid);
    }
    return awaited;
  }

  /**
   * After how many ms status is checked again, because a decision is being acted on, or the Deployment does not show
   * its size yet: so that a change of size is reported by one write. Undefined when there is nothing to wait for.
   *
   * @param shown the fence on the Deployment that status would report
   */
  waitMs(poolUid: string, shown: Fence | undefined, nowMs: number): number | undefined {
    const entry = this.#entries.get(poolUid);
    if (entry?.inHand) {
      entry.awaited = true;
      return SHOWN_WITHIN_MS;
    }
    if (!entry?.written || !shown || this.isShown(poolUid, shown)) return undefined;
    const leftMs = entry.written.atMs + SHOWN_WITHIN_MS - nowMs;
    return leftMs > 0 ? leftMs : undefined;
  }

  /** Whether a Deployment with this fence has the size that a decision gave it last, or a later one. */
  isShown(poolUid: string, shown: Fence | undefined): boolean {
    const written = this.#entries.get(poolUid)?.written;
    return !written || (shown !== undefined && compareFence(shown, written.fence) >= 0);
  }

  forget(poolUid: string): void {
    this.#entries.delete(poolUid);
  }

  #entry(poolUid: string): Entry {
    const entry = this.#entries.get(poolUid) ?? { scalings: [] };
    this.#entries.set(poolUid, entry);
    return entry;
  }
}
