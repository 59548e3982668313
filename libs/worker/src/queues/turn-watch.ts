import type { LoopProgress } from './queue-loop.ts';

/** How long a loop may take to turn, ms: a fetch is one round trip, and a wait at most 10 s. */
export const STUCK_AFTER_MS = 60_000;
/** How often is looked, and from when on Redis is asked, as parts of that time. */
const LOOK_EVERY = 1 / 12;
const ASK_AFTER = 1 / 4;

/** What tells a loop that waits for good reason from one that hangs. */
export interface RestReasons {
  /** Whether a rate limit keeps it from fetching. */
  readonly limited: boolean;
  /** The longest pause before a limit is looked at again, and the longest wait for a job, ms. */
  readonly limitDelayMs: number;
  readonly waitMs: number;
  readonly freeSlots: number;
}

/**
 * Whether the loop need not turn now: its worker is paused, a limit holds it, no slot is free, or it waits for jobs no
 * longer than a wait lasts.
 */
export function rests({ step, sinceMs }: LoopProgress, reasons: RestReasons, nowMs: number): boolean {
  const lastsMs = nowMs - sinceMs;
  if (step === 'paused') return true;
  if (step === 'limited') return reasons.limited || lastsMs <= reasons.limitDelayMs;
  if (step === 'wait') return lastsMs <= reasons.waitMs;
  return step === 'slot' && reasons.freeSlots === 0;
}

export interface TurnWatchOptions {
  readonly loops: readonly LoopProgress[];
  readonly rests: (loop: LoopProgress) => boolean;
  /** Asks Redis for the loops' queues on a connection of its own; resolves within seconds, with false without an answer. */
  readonly ask: (loops: readonly LoopProgress[]) => Promise<boolean>;
  readonly stuckAfterMs: number;
  /** Nobody expects loops to turn any more. */
  readonly stop: AbortSignal;
  readonly monotonic: () => number;
}

/**
 * Watches whether the loops turn. While one does not, it asks Redis on another connection: where Redis answers there,
 * it is this process that hangs, and a new one could fetch; where it does not, a new one could not either.
 */
export class TurnWatch {
  readonly #options: TurnWatchOptions;
  #answersSinceMs: number | undefined;
  #asking = false;

  constructor(options: TurnWatchOptions) {
    this.#options = options;
  }

  /** Since when every question was answered; undefined when none is asked, or the last one was not answered. */
  get answersSinceMs(): number | undefined {
    return this.#answersSinceMs;
  }

  /** Looks every few seconds until the pod leaves. */
  start(): void {
    const { stuckAfterMs, stop } = this.#options;
    const timer = setInterval(() => void this.look(), LOOK_EVERY * stuckAfterMs).unref();
    stop.addEventListener('abort', () => clearInterval(timer), { once: true });
  }

  /** Looks once; resolves when Redis has answered, if it had to be asked. */
  async look(): Promise<void> {
    const { loops, rests: mayRest, ask, stuckAfterMs, stop, monotonic } = this.#options;
    const nowMs = monotonic();
    // from the end of its rest on it has its full time
    for (const loop of loops) if (mayRest(loop)) loop.turnedMs = nowMs;
    const late = loops.filter(({ turnedMs }) => nowMs - turnedMs > ASK_AFTER * stuckAfterMs);
    if (stop.aborted || late.length === 0) {
      this.#answersSinceMs = undefined;
      return;
    }
    if (this.#asking) return;
    this.#asking = true;
    try {
      const answered = await ask(late);
      this.#answersSinceMs = answered ? (this.#answersSinceMs ?? monotonic()) : undefined;
    } finally {
      this.#asking = false;
    }
  }
}
