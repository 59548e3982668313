import type { BackupKeys } from '../encryption/data-key.ts';
import type { RandomBytes } from '../encryption/random.ts';
import type { Storage } from '../storage/storage.ts';
import type { PartPipeline } from './part-pipeline.ts';

/** What all queues of a backup that is being written share. */
export interface WriteContext {
  readonly storage: Storage;
  readonly directory: string;
  readonly backupId: string;
  /** Parts have records of jobs or others, so that of older points only those with jobs are read. */
  readonly isIncrement: boolean;
  /** Absent: nothing is encrypted. */
  readonly keys: BackupKeys | undefined;
  readonly random: RandomBytes;
  readonly pipeline: PartPipeline;
  readonly signal: AbortSignal;
  /** @throws {BackupTooLargeError} for a part more than a backup holds. */
  countPart(): void;
}
