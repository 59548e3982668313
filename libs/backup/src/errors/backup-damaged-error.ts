/** What is wrong with an object of a backup. */
export type DamageReason =
  | 'ManifestMissing'
  | 'ManifestDamaged'
  /** The manifest is whole, but nobody wrote it who has the backup's key. */
  | 'ManifestNotAuthentic'
  /** The manifest is whole, but of another backup than the one that was asked for. */
  | 'ManifestUnexpected'
  /** The points of a chain do not lead back to a full backup. */
  | 'ChainDamaged'
  /** A chain has more than a reader holds. */
  | 'ChainTooLarge'
  /** The points of a chain have fewer jobs than the newest of them says. */
  | 'JobsMissing'
  | 'PartMissing'
  /** There is a part of which the manifest does not know. */
  | 'PartUnexpected'
  /** It has fewer or more bytes than the manifest says. */
  | 'PartSizeDiffers'
  | 'PartHashDiffers'
  /** Its tag does not fit: another key, other bytes, or another place than the one it was written for. */
  | 'PartNotAuthentic'
  /** It is no zstd frame, inflates to another size than the manifest says, or its lines are no records. */
  | 'PartNotReadable'
  | 'PartCountDiffers';

/** A backup that is not as it was written. Nothing of the part that is named was given out. */
export class BackupDamagedError extends Error {
  override readonly name = 'BackupDamagedError';
  /** Path of the object in the storage. */
  readonly part: string;
  readonly reason: DamageReason;

  /** @param what is wrong with the part, as the end of a sentence that begins with its path. */
  constructor(part: string, reason: DamageReason, what: string, cause?: unknown) {
    super(`${part} ${what}; restore from another backup, or put this object back as it was`, { cause });
    this.part = part;
    this.reason = reason;
  }
}
