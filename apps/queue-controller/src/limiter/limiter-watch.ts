import {
  isAsLimited,
  windowLength,
  type EarlierReading,
  type ObservedPolicy,
  type RateLimitWindow,
  type WindowLength,
} from '@redis-queue/bullmq';
import type { ObjectMemory } from '@redis-queue/controller';

/** A look for this alone costs a reconcile, so after a verdict there is none for so long. */
const LOOK_EVERY_MS = 5 * 60_000;
/** For so long a limiter is said without another proof; an idle queue shows none. */
export const PROOF_HOLDS_MS = 15 * 60_000;
/** A look that tells nothing, or that windows are as set although they were not lately, is followed by another after so long. */
const TRY_EVERY_MS = 60_000;
/** Looks at the end of a window are so far apart: whoever can write in Redis may have windows end all the time. */
const AGAIN_EVERY_MS = 5_000;
/** After the end of a window, for a busy worker to open the next. */
const OPENED_AFTER_MS = 20;

/**
 * Whether windows of the rate limit are those that `meta` says: `asSet`; of another length, because workers have a
 * limiter of their own, as long as is known; or opened although no limit is set.
 */
export type WindowVerdict = 'asSet' | 'notSet' | (WindowLength & { readonly limit: RateLimitWindow });

/** How old a verdict is by the watch's own clock. */
export interface JudgedWindows {
  readonly verdict: WindowVerdict;
  readonly ageMs: number;
}

/** That windows were not as `meta` says. */
interface Proof {
  readonly verdict: Exclude<WindowVerdict, 'asSet'>;
  readonly atMs: number;
}

interface Known {
  readonly limit: RateLimitWindow | undefined;
  readonly reading: EarlierReading;
  readonly verdict?: WindowVerdict | undefined;
  readonly judgedAtMs: number;
  /** The last one: a window that is as set after it was opened by a worker that has no limiter. */
  readonly proof?: Proof | undefined;
}

/**
 * Finds limiters that workers bring themselves, from the windows that run whenever a queue is read: while it is busy,
 * every five minutes, and once more just after that window's end. After a restart nothing is known, and the status keeps
 * saying what it said until that is old.
 */
export class LimiterWatch implements ObjectMemory {
  readonly #known = new Map<string, Known>();
  /** When a look was begun. */
  readonly #triedMs = new Map<string, number>();
  /** When a look at the end of a window was asked for. */
  readonly #againMs = new Map<string, number>();
  readonly #now: () => number;

  /** @param now monotonic, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Takes down what was read of a queue. Whoever else may have changed the limit since begins a new comparison. */
  note(uid: string, { rateLimit: limit, runningWindow: now }: ObservedPolicy): void {
    const before = this.#known.get(uid);
    const same = before && before.limit?.max === limit?.max && before.limit?.durationMs === limit?.durationMs;
    const length = same && now ? windowLength(before.reading, now) : undefined;
    const isLimited = length && (limit ? isAsLimited(length, limit) : false);
    const verdict: WindowVerdict | undefined =
      isLimited === undefined ? undefined : isLimited ? 'asSet' : limit ? { ...length!, limit } : 'notSet';
    const proof = verdict === undefined || verdict === 'asSet' ? undefined : { verdict, atMs: this.#now() };
    this.#known.set(uid, {
      limit,
      proof: proof ?? (same ? before.proof : undefined),
      reading: now ? { readAtMs: now.readAtMs, endsAtMs: now.endsAtMs } : same ? before.reading : NO_WINDOW,
      verdict: verdict ?? (same ? before.verdict : undefined),
      judgedAtMs: verdict === undefined ? (same ? before.judgedAtMs : -Infinity) : this.#now(),
    });
  }

  /** What was proved lately, or else what was found last, and how long ago. Undefined: not known. */
  verdict(uid: string): JudgedWindows | undefined {
    const known = this.#known.get(uid);
    const proof = known && this.#proofBeside(known);
    if (proof) return { verdict: proof.verdict, ageMs: this.#now() - proof.atMs };
    return known?.verdict && { verdict: known.verdict, ageMs: this.#now() - known.judgedAtMs };
  }

  /** What was proved before windows were as set, while it holds. */
  #proofBeside({ verdict, proof }: Known): Proof | undefined {
    return verdict === 'asSet' && proof && this.#now() - proof.atMs <= PROOF_HOLDS_MS ? proof : undefined;
  }

  #wasJudgedLately(known: Known): boolean {
    const everyMs = this.#proofBeside(known) ? TRY_EVERY_MS : LOOK_EVERY_MS;
    return this.#now() - known.judgedAtMs < everyMs;
  }

  /**
   * After how many ms to look once more, because a window has ended then; undefined: there is no need, or one was asked
   * for just before. To be asked once per reconcile.
   */
  lookAgainMs(uid: string, { rateLimit, runningWindow }: ObservedPolicy): number | undefined {
    const known = this.#known.get(uid);
    if (!rateLimit || !runningWindow || runningWindow.holdsBack || !known) return undefined;
    if (this.#wasJudgedLately(known)) return undefined;
    const nowMs = this.#now();
    if (nowMs - (this.#againMs.get(uid) ?? -Infinity) < AGAIN_EVERY_MS) return undefined;
    this.#againMs.set(uid, nowMs);
    return runningWindow.endsAtMs - runningWindow.readAtMs + OPENED_AFTER_MS;
  }

  /**
   * Whether a queue that is busy is to be looked at now: its windows have not been judged for long. The answer is yes
   * once a minute at most.
   */
  takeDue(uid: string): boolean {
    const nowMs = this.#now();
    const known = this.#known.get(uid);
    if (known && this.#wasJudgedLately(known)) return false;
    if (nowMs - (this.#triedMs.get(uid) ?? -Infinity) < TRY_EVERY_MS) return false;
    this.#triedMs.set(uid, nowMs);
    return true;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
    this.#triedMs.delete(uid);
    this.#againMs.delete(uid);
  }
}

/** None ran when this limit was first read: any that runs later was opened under it. */
const NO_WINDOW: EarlierReading = { readAtMs: -Infinity };
