import type { Log } from './log.ts';

/**
 * Does what a user wants done before the process exits. Neither its failure nor its slowness keeps the pod from
 * leaving.
 */
export async function lastWork(work: (() => Promise<unknown>) | undefined, limitMs: number, log: Log): Promise<void> {
  if (!work) return;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`not done after ${limitMs} ms`)), limitMs);
  try {
    await Promise.race([work(), late]);
  } catch (error) {
    log.error('onDrained failed', { error });
  } finally {
    clearTimeout(timer);
  }
}
