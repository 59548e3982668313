import type { QueueBackupReason, QueueRestoreReason } from '@redis-queue/api';
import {
  BackupDamagedError,
  BackupKeyError,
  BackupVersionError,
  ObjectNotFoundError,
  RecordTooLargeError,
  StorageError,
  type KeyReason,
} from '@redis-queue/backup';
import {
  GovernedByAnotherError,
  OpenFlowError,
  QueueRestoringError,
  RestoreIncompleteError,
  RestoreLostError,
  TooManyJobsError,
  UnreadableKeyError,
} from '@redis-queue/bullmq';
import type { Problem } from '@redis-queue/controller';
import type { RunRedis } from '../access/redis.ts';
import { PostponedError, RunFailure } from '../runs/failure.ts';
import { MOST_JOBS } from './digest-memory.ts';

/** What ends a run: known failures in the words of conditions, anything else as it is. */
export async function inWords<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof QueueRestoringError)
      throw new PostponedError({ reason: 'QueueRestoring', message: error.message }, error);
    const problem = problemOf(error);
    throw problem ? new RunFailure(problem, error) : error;
  }
}

/** The same for calls to Redis alone, of which any other error is one of Redis. */
export async function redisInWords<T>(
  queue: string,
  { problemOf: redisProblem }: RunRedis,
  call: () => Promise<T>,
): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof RunFailure || error instanceof QueueRestoringError || problemOf(error)) throw error;
    const { reason, message } = redisProblem(error);
    throw new RunFailure({ reason, message: `queue ${queue}: ${message}` }, error);
  }
}

/** What stands in the way of reading one queue, whatever others are like; undefined: it is not about the queue alone. */
export function problemOfQueue(error: unknown): Problem<QueueBackupReason> | undefined {
  if (error instanceof RunFailure) return error.problem as Problem<QueueBackupReason>;
  if (error instanceof QueueRestoringError) return { reason: 'QueueRestoring', message: error.message };
  const isOfQueue = [GovernedByAnotherError, RecordTooLargeError, UnreadableKeyError].some(
    (type) => error instanceof type,
  );
  return isOfQueue ? (problemOf(error) as Problem<QueueBackupReason>) : undefined;
}

function problemOf(error: unknown): Problem<QueueBackupReason | QueueRestoreReason> | undefined {
  if (error instanceof StorageError) return { reason: error.reason, message: error.message };
  if (error instanceof BackupKeyError)
    return { reason: KEY_REASONS[error.reason] ?? 'EncryptionKeyInvalid', message: error.message };
  if (error instanceof BackupDamagedError) return { reason: 'BackupDamaged', message: error.message };
  if (error instanceof BackupVersionError) return { reason: 'BackupUnreadable', message: error.message };
  if (error instanceof RecordTooLargeError) return { reason: 'QueueUnreadable', message: error.message };
  if (error instanceof UnreadableKeyError) return { reason: 'QueueUnreadable', message: error.message };
  if (error instanceof TooManyJobsError) return { reason: 'TooManyJobs', message: TOO_MANY_JOBS };
  if (error instanceof GovernedByAnotherError) return { reason: 'GovernedByAnother', message: error.message };
  if (error instanceof RestoreLostError || error instanceof RestoreIncompleteError)
    return { reason: 'RestoreLost', message: error.message };
  if (error instanceof OpenFlowError) return { reason: 'OpenFlows', message: error.message };
  if (error instanceof ObjectNotFoundError) return { reason: 'BackupNotFound', message: error.message };
  return undefined;
}

const TOO_MANY_JOBS = `its queues have more than ${MOST_JOBS.toLocaleString('en')} jobs together, of which changes cannot be told; part the Queues into several QueueBackups, keep fewer finished jobs (spec.retention of a Queue), or take full backups by a QueueBackupSchedule`;

/** Those that say something else than that the key is not the one of the backup. */
const KEY_REASONS: Partial<Record<KeyReason, 'EncryptionKeyDenied' | 'EncryptionKeyUnreachable'>> = {
  KeyDenied: 'EncryptionKeyDenied',
  KeyServiceFailed: 'EncryptionKeyUnreachable',
};
