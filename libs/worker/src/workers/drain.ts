/** When, in ms after SIGTERM, each stage of a drain begins. */
export interface DrainPlan {
  /** Handlers are asked to stop. */
  abortAfterMs: number;
  /** What still runs is handed back. */
  handBackAfterMs: number;
  /** The process ends, whether Redis answered or not. */
  endAfterMs: number;
}

export interface DrainStages {
  /** Stop fetching. */
  stop: () => void;
  /** Ask handlers to stop. */
  abort: () => void;
  handBack: () => void;
  /** Resolves when no job runs. */
  idle: Promise<unknown>;
  /** Aborts when the pod got a second signal: hand back at once. */
  hurry: AbortSignal;
}

export type DrainOutcome = 'finished' | 'stopped' | 'handed back' | 'abandoned';

/** Handing back takes milliseconds; what Redis and a throttled pod need on a bad day is kept free before the end. */
const HAND_BACK_TIME_MS = 5_000;

/**
 * A hand-back keeps up to 5 s, or a fifth of a short drain, before `maxDrainTimeMs`; handlers are asked to stop by
 * then.
 */
export function planDrain(gracePeriodMs: number, maxDrainTimeMs: number): DrainPlan {
  const handBackAfterMs = maxDrainTimeMs - Math.min(HAND_BACK_TIME_MS, maxDrainTimeMs / 5);
  return { abortAfterMs: Math.min(gracePeriodMs, handBackAfterMs), handBackAfterMs, endAfterMs: maxDrainTimeMs };
}

/** Drains in stages, each only as long as jobs still run; says in which one the last job left. */
export async function drain(
  plan: DrainPlan,
  { stop, abort, handBack, idle, hurry }: DrainStages,
): Promise<DrainOutcome> {
  stop();
  if (await within(plan.abortAfterMs, idle, hurry)) return 'finished';
  abort();
  if (await within(plan.handBackAfterMs - plan.abortAfterMs, idle, hurry)) return 'stopped';
  handBack();
  return (await within(plan.endAfterMs - plan.handBackAfterMs, idle)) ? 'handed back' : 'abandoned';
}

async function within(ms: number, idle: Promise<unknown>, hurry?: AbortSignal): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const giveUp = (): void => resolve(false);
  const timer = setTimeout(giveUp, ms);
  if (hurry?.aborted) giveUp();
  hurry?.addEventListener('abort', giveUp, { once: true });
  try {
    return await Promise.race([idle.then(() => true), late]);
  } finally {
    clearTimeout(timer);
    hurry?.removeEventListener('abort', giveUp);
  }
}
