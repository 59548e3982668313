export type KeyReason =
  /** What was given is no key. */
  | 'KeyInvalid'
  /** The backup is encrypted, and no key was given. */
  | 'KeyMissing'
  /** The backup is encrypted with a key that is not among those given. */
  | 'KeyUnknown'
  /** The key is the right one by its id, but does not open what it is said to have wrapped. */
  | 'KeyRefused'
  /** The service that has the key refuses it to these credentials, or does not have it. */
  | 'KeyDenied'
  /** The service that has the key does not answer, or not as it should; it may later. */
  | 'KeyServiceFailed'
  /** A key was given for a backup that is not encrypted, so that anybody could have written it. */
  | 'NotEncrypted';

/** A backup that the given key does not open. The message names keys by their ids, never a key. */
export class BackupKeyError extends Error {
  override readonly name = 'BackupKeyError';
  readonly reason: KeyReason;

  constructor(reason: KeyReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}
