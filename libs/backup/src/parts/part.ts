import { bindingOf } from '../encryption/binding.ts';

/** What a part is, beside its bytes: where it belongs, so that it is of use nowhere else. */
export interface PartIdentity {
  readonly backupId: string;
  /** The queue's name in the backup. */
  readonly queue: string;
  /** From 1. */
  readonly number: number;
  readonly records: number;
}

/** What an increment's part has: records of jobs only, or of anything else only. */
export type Holds = 'jobs' | 'rest';

/** What the manifest says of a part. */
export interface PartEntry {
  /** Absent in a full backup, whose parts have all kinds. */
  readonly holds?: Holds | undefined;
  readonly records: number;
  /** Of its lines. */
  readonly bytes: number;
  readonly storedBytes: number;
  /** Of what is stored, as hexadecimal digits. */
  readonly sha256: string;
}

/** First bytes of an encrypted part. A part that is not encrypted begins with those of zstd. */
export const ENCRYPTED_MAGIC = Buffer.from('RQE1', 'latin1');
export const NONCE_BYTES = 12;
export const TAG_BYTES = 16;

/** What encryption binds a part to. */
export function partBinding({ backupId, queue, number, records }: PartIdentity): Buffer {
  return bindingOf('redis-queue backup part', backupId, queue, String(number), String(records));
}
