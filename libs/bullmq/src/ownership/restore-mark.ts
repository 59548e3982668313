export { RESTORE_FIELD } from '../redis/restore-field.ts';

/** The field that says which restore a queue was resumed by last, and how: `<restore> resumed` or `<restore> paused`. */
export const RESTORED_FIELD = 'redis-queue:restored';

/**
 * - `filling`: jobs are written; nothing that workers or producers read names them.
 * - `placing`: what was written is put into the queue's lists and sets.
 * - `placed`: all of it is there, and the queue is paused.
 * - `held`: so it stays until somebody resumes it by this restore.
 */
export type RestorePhase = 'filling' | 'placing' | 'placed' | 'held';

/** Which restore has a queue, and how far it is. */
export interface RestoreMark {
  readonly restoreId: string;
  readonly phase: RestorePhase;
}

/** Undefined: it is none. */
export function parseRestoreMark(text: string | null | undefined): RestoreMark | undefined {
  const [, restoreId, phase] = /^(\S+) \d+ (filling|placing|placed|held)$/.exec(text ?? '') ?? [];
  return restoreId === undefined ? undefined : { restoreId, phase: phase as RestorePhase };
}

/** Another restore, or another writer of this one, has the queue; or somebody has removed it. */
export class RestoreLostError extends Error {
  override readonly name = 'RestoreLostError';

  constructor(queue: string, restoreId: string) {
    super(
      `queue ${queue} is no longer filled by restore ${restoreId}: its mark in Redis is gone or another one, or another process goes on with it; delete what is in the queue and restore again, or let the other go on`,
    );
  }
}

/** Redis has less of a restore than it had confirmed: the newest of it is lost, as after a failover. */
export class RestoreIncompleteError extends Error {
  override readonly name = 'RestoreIncompleteError';

  constructor(queue: string, restoreId: string) {
    super(
      `not all jobs of restore ${restoreId} are in their places in queue ${queue}: Redis has lost the newest of what was written, as a failover may do`,
    );
  }
}

const RESTORE_ID = /^[^\s]{1,128}$/;

/** @throws RangeError unless it can stand in a mark. */
export function checkRestoreId(restoreId: string): void {
  if (!RESTORE_ID.test(restoreId))
    throw new RangeError('the id of a restore has 1 to 128 characters, none of them a space');
}
