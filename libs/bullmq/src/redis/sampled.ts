/** What was read of a queue, or why it could not be; see `classifyRedisError`. */
export type Sampled<T extends object> = T | Error;

/** @throws the error that stands in place of a sample. */
export function orThrow<T extends object>(sampled: Sampled<T>): T {
  if (sampled instanceof Error) throw sampled;
  return sampled;
}
