/** A restore fills the queue, or holds it: its jobs are not all there, or not meant to run yet. */
export class QueueRestoringError extends Error {
  override readonly name = 'QueueRestoringError';

  /** @param mark of the restore, as it stands in Redis. */
  constructor(queue: string, mark: string) {
    const [restoreId = '', , phase = ''] = mark.split(' ');
    const what = phase === 'held' ? 'is held by' : 'is being filled by';
    super(
      `queue ${queue} ${what} restore ${restoreId.slice(0, 128)}; a backup of it now would lack jobs: wait until the QueueRestore of this uid has ended, or set its spec.resume to true; where it is gone, the condition HeldByRestore of the Queue has the way out`,
    );
  }
}
