/** More than a backup can hold. */
export class BackupTooLargeError extends Error {
  override readonly name = 'BackupTooLargeError';
  readonly reason = 'BackupTooLarge';

  /** @param most what a backup holds at most. */
  constructor(most: string) {
    super(`a backup holds ${most} at most; make several backups, of fewer queues each`);
  }
}
