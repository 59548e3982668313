import { within } from './deadline.ts';
import { StorageError } from './storage.ts';
import { explainVolumeError, type VolumeOperation } from './volume-errors.ts';

/** Calls that were given up and have not ended. Each holds one of the four threads that the process has for such work. */
const MAX_STUCK = 2;
let stuck = 0;

export interface StepLimits {
  readonly signal: AbortSignal;
  /** How long one call may take, ms. */
  readonly stallMs: number;
}

/**
 * One call of the file system, with a deadline: a file server that does not answer would hold it for ever. While such
 * calls hold threads that everything else in this process needs as well, no more are begun.
 *
 * @param undo gives back what the call holds, when it ends after nobody waits any more.
 */
export async function step<T>(
  call: () => Promise<T>,
  about: VolumeOperation & StepLimits,
  undo: (value: T) => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  const { signal, stallMs, operation, path, location } = about;
  signal.throwIfAborted();
  const unreachable = (why: string): StorageError =>
    new StorageError('StorageUnreachable', `${operation} ${path} in ${location}: ${why}`, { retryable: true });
  if (stuck >= MAX_STUCK) throw unreachable(`${stuck} earlier calls of the file system have not ended`);
  const work = call();
  let ended = false;
  const end = (): void => void (ended = true);
  work.then(end, end);
  const late = (): Error => {
    stuck += 1;
    const free = (): void => void (stuck -= 1);
    work.then(free, free);
    return unreachable(`the file system has not answered for ${stallMs / 1_000} s`);
  };
  try {
    return await within(work, { signal, deadline: { ms: stallMs, late } });
  } catch (error) {
    if (!ended) work.then(undo).catch(() => undefined);
    throw explainVolumeError(error, about);
  }
}
