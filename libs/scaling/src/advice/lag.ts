import { mean } from '../statistics/decaying.ts';
import { quantile } from './quantiles.ts';
import { THROTTLED, type UsageHistory } from './usage-history.ts';

/** What jobs of a pod wait for, if handlers block the event loop that they share. */
export interface LagAdvice {
  /** In nine of ten minutes, all but one in a hundred moments waited less for the event loop. */
  readonly lagMs: number;
  readonly why: string;
}

/** From here on probes, renewals of locks and the other jobs of the pod notice. */
const NOTICED_MS = 200;

/**
 * Whether handlers block the event loop for longer than others should wait. Not with one slot, where no other job waits;
 * nor where a CPU limit stops the pods, which delays the loop just as much.
 */
export function adviseLag(usage: UsageHistory, concurrency: number): LagAdvice | undefined {
  const lagMs = Math.round(quantile(usage.lag, 0.9) ?? 0);
  if (lagMs < NOTICED_MS || concurrency === 1 || mean(usage.throttled) > THROTTLED) return undefined;
  const why = `handlers block the event loop for up to ${lagMs} ms: move computation to a worker thread, or to a pool with concurrency 1`;
  return { lagMs, why };
}
