/**
 * The object is not what its run was begun for: another process has gone on with it, it has changed while the run waited
 * for its place, or it is gone. Nothing was done; the cache is about to show it.
 */
export class OutdatedError extends Error {
  override readonly name = 'OutdatedError';
}
