import { classifyRedisError } from './errors.ts';

/**
 * Redis refuses a whole call when the user lacks a right on one of its keys: then each half is tried by itself, down to
 * the queue whose key it is.
 *
 * @param refused is called with the one whose key it is, and the error.
 * @throws what `run` throws for any other reason.
 */
export async function splitWhenRefused(
  batch: readonly number[],
  run: (batch: readonly number[]) => Promise<void>,
  refused: (index: number, error: Error) => void,
): Promise<void> {
  try {
    await run(batch);
  } catch (error) {
    if (!(error instanceof Error) || classifyRedisError(error).reason !== 'RedisNoPermission') throw error;
    if (batch.length === 1) return refused(batch[0]!, error);
    const middle = Math.ceil(batch.length / 2);
    await splitWhenRefused(batch.slice(0, middle), run, refused);
    await splitWhenRefused(batch.slice(middle), run, refused);
  }
}
