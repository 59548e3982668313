import { QUEUE_REASONS } from './queue-reasons.ts';
import { COMMON_REASONS, RestoredByVelero, type ReasonTable } from './reasons.ts';

const {
  SecretNotFound,
  RedisUnreachable,
  RedisBusy,
  RedisReadOnly,
  RedisOutOfMemory,
  RedisError,
  QueueUnreadable,
  SecretNotPermitted,
  SecretInvalid,
  PrefixReserved,
  MixedRedis,
  RedisAuthFailed,
  RedisNoPermission,
} = QUEUE_REASONS;

/** What a run that reads or writes a storage and a Redis may meet. */
const RUN_REASONS = {
  WaitingForPlace: {
    kind: 'progressing',
    doc: 'As many backups and restores run as the controller runs at once, or as one namespace may have of them; it goes on when one ends. The Helm value runs of the chart backup-controller has their number.',
  },
  Interrupted: {
    kind: 'progressing',
    doc: 'The controller that ran it has ended; it is begun again.',
  },

  QueueNotFound: {
    kind: 'retries',
    doc: 'The spec names a Queue that does not exist in the namespace; create it.',
  },
  SecretNotFound,
  RedisUnreachable,
  RedisBusy,
  RedisReadOnly,
  RedisOutOfMemory,
  RedisError,
  StorageUnreachable: {
    kind: 'retries',
    doc: 'The storage does not answer: check its endpoint, DNS, certificates and network policies.',
  },
  EncryptionKeyUnreachable: {
    kind: 'retries',
    doc: 'AWS KMS does not answer, or fails: check its endpoint and network policies.',
  },
  StorageThrottled: { kind: 'retries', doc: 'The storage asks to be called less often; it is tried again.' },
  StorageFailed: {
    kind: 'retries',
    doc: 'The storage refused a request for a reason that this release does not know; the message says which.',
  },

  StorageFull: { kind: 'stalled', doc: 'The storage has no room; make some, or raise its quota.' },
  StorageDenied: {
    kind: 'stalled',
    doc: 'The storage refuses the credentials, or a right is missing; the message names the operation.',
  },
  BucketNotFound: { kind: 'stalled', doc: 'The bucket does not exist; create it.' },
  StorageNotPermitted: {
    kind: 'stalled',
    doc: "The spec asks for the controller's volume, or for the identity of its pod, and the chart has none; the message names the Helm value.",
  },
  EncryptionKeyInvalid: {
    kind: 'stalled',
    doc: 'The Secret of the encryption lacks the key, or it is not 32 bytes in base64, or not the one that the backup was encrypted with.',
  },
  EncryptionKeyDenied: {
    kind: 'stalled',
    doc: 'AWS KMS refuses the key of spec.encryption.kms to these credentials, or does not have it; the message says which.',
  },
  QueueUnreadable,
  GovernedByAnother: {
    kind: 'stalled',
    doc: 'Another Queue object governs the queue in Redis than the one of this namespace; the message says which. Back up or restore by that one, or have this one take the queue over.',
  },
  SecretNotPermitted,
  SecretInvalid,
  PrefixReserved,
  MixedRedis,
  RedisAuthFailed,
  RedisNoPermission,
  BackoffLimitExceeded: {
    kind: 'stalled',
    doc: 'It ended: its runs failed more often than spec.backoffLimit allows. The message has why the last one did; correct that and create another object.',
  },
  DeadlineExceeded: {
    kind: 'stalled',
    doc: 'It ended: spec.activeDeadlineSeconds passed. The message has what it was at; create another object.',
  },
  RestoredByVelero,
} as const satisfies ReasonTable;

/** Every reason that a QueueBackup's conditions and events give. */
export const QUEUE_BACKUP_REASONS = {
  ...COMMON_REASONS,
  BackedUp: { kind: 'ready', doc: 'The backup is complete, with its manifest in the storage.' },
  BackedUpInPart: {
    kind: 'ready',
    doc: 'The backup is complete, with its manifest in the storage, but for queues that could not be read: status.leftOut has them.',
  },
  QueuesLeftOut: {
    kind: 'degraded',
    doc: 'Queues that were asked for could not be read, and the backup, or its newest point, does not have them; status.leftOut has the reason of each. An incremental backup has them again with the first point at which they can be read, a schedule with the next backup.',
  },
  PointsTaken: {
    kind: 'ready',
    doc: 'Points of an incremental backup are taken and kept, as spec.incremental says; status.incremental has them.',
  },
  BackingUp: { kind: 'progressing', doc: 'Jobs are being read and written; status.progress says how far it is.' },
  RemovingBackup: { kind: 'progressing', doc: 'The object is being deleted, and what it has in the storage removed.' },
  ReadByRestore: {
    kind: 'progressing',
    doc: 'The object is being deleted, and a QueueRestore that has not ended reads what it has in the storage; the message names it. It is removed once that has ended or is deleted.',
  },
  ...RUN_REASONS,
  QueueRestoring: {
    kind: 'retries',
    doc: 'A QueueRestore fills a queue, or holds it until its spec.resume is true, so a backup would lack jobs; it is taken once that has ended. The message names the queue. Of several queues, the others are backed up without it after five minutes.',
  },
  NoQueueSelected: {
    kind: 'retries',
    doc: 'spec.queues.selector selects no Queue of the namespace; label one, or create another QueueBackup.',
  },
  TooManyQueues: {
    kind: 'stalled',
    doc: 'spec.queues.selector selects more Queues than one backup has; part them by labels.',
  },
  SelectorInvalid: {
    kind: 'stalled',
    doc: 'spec.queues.selector cannot be evaluated; the message says why. Create another QueueBackup.',
  },
  TooManyJobs: {
    kind: 'stalled',
    doc: 'The queues have more jobs than an incremental backup may have; the message has the limit. Part the Queues into several QueueBackups, keep fewer finished jobs (spec.retention of the Queue), or use a QueueBackupSchedule.',
  },
  PointsBehindSchedule: {
    kind: 'degraded',
    doc: 'Points take longer, or wait longer for a place, than spec.incremental.every; each is followed by the next at once, and more may be lost. Make every longer, part the Queues into several QueueBackups, or raise the Helm value runs of the chart backup-controller.',
  },
  ChainNotRemoved: {
    kind: 'degraded',
    doc: 'A chain whose time is over could not be removed from the storage; the message says why. It is tried again after each point.',
  },
  ChainBroken: {
    kind: 'degraded',
    doc: 'The newest point of an incremental backup is missing in the storage, or is not what was written; so a new chain was begun, with a full point. See who removes or changes files there.',
  },
  BackupRemoved: { kind: 'notice', doc: 'What the deleted object had in the storage was removed.' },
  BackupRetained: {
    kind: 'degraded',
    doc: 'The object was deleted and its backup stays in the storage, since that could not be reached, or since another object has written it, of which this one is a copy; remove the folder that the message names.',
  },
} as const satisfies ReasonTable;
export type QueueBackupReason = keyof typeof QUEUE_BACKUP_REASONS;

/** Every reason that a QueueRestore's conditions and events give. */
export const QUEUE_RESTORE_REASONS = {
  ...COMMON_REASONS,
  Restored: { kind: 'ready', doc: 'Everything is in Redis, verified, and workers may start jobs.' },
  RestoredPaused: {
    kind: 'ready',
    doc: 'Everything is in Redis and verified; the queues stay paused until spec.resume is true.',
  },
  WouldRestore: {
    kind: 'ready',
    doc: 'The dry run is complete: the backup can be read, and status.queues says what would run.',
  },
  Restoring: { kind: 'progressing', doc: 'Jobs are being written and verified; status.progress says how far it is.' },
  Abandoning: {
    kind: 'progressing',
    doc: 'The object is being deleted, and what it has written removed, unless all of it is there.',
  },
  Resuming: { kind: 'progressing', doc: 'Everything is in Redis and verified; the queues are being resumed.' },
  Verified: {
    kind: 'ready',
    doc: 'The scratch restore is complete: every job was in Redis as the backup has it, and all of it is removed.',
  },
  RemovingScratch: {
    kind: 'progressing',
    doc: 'Everything was as the backup has it; what a scratch restore has written is being removed.',
  },
  NoRoomForScratch: {
    kind: 'retries',
    doc: 'A scratch restore would take more memory than spec.scratch.maxBytes, or than its Redis has below nine tenths of maxmemory; the message has the numbers, and nothing of it is in Redis. Raise the limit, restore fewer queues, or name another Redis in spec.scratch.secretRef.',
  },
  ...RUN_REASONS,
  BackupNotFound: {
    kind: 'retries',
    doc: 'spec.from names no QueueBackup of this namespace, or a folder that holds no backup; create it, or correct the name.',
  },
  RestoreLost: {
    kind: 'retries',
    doc: 'Somebody removed what the restore had written, or the mark by which it is known in Redis; or Redis has lost the newest of it, as a failover may do. It begins again.',
  },
  BackupNotComplete: {
    kind: 'retries',
    doc: 'The QueueBackup of spec.from has not completed, or an incremental one has no point yet; it is waited for.',
  },
  PointNotFound: {
    kind: 'stalled',
    doc: 'The QueueBackup of spec.from has no point that is as old as spec.from.backup.at; the message says which it has. Create another QueueRestore.',
  },
  BackupFailed: {
    kind: 'stalled',
    doc: 'The QueueBackup of spec.from failed, so there is nothing to restore; restore from another.',
  },
  BackupDamaged: {
    kind: 'stalled',
    doc: 'A part of the backup is missing or is not what was written; the message names it. Nothing of it was written. Restore another backup.',
  },
  BackupUnreadable: {
    kind: 'stalled',
    doc: 'The backup was written by a later release, or has records that this one cannot read; upgrade.',
  },
  QueueNotInBackup: {
    kind: 'stalled',
    doc: 'spec.queues names a queue that the backup does not have; the message lists those that it has.',
  },
  AlreadyRestored: {
    kind: 'stalled',
    doc: 'Redis says that this QueueRestore was completed there, though its status does not: an older one was brought back. Nothing is written; create another QueueRestore to restore once more.',
  },
  QueuesNotInBackup: {
    kind: 'degraded',
    doc: 'Queues that the backup was to have could not be read when it was taken, so that it does not have them, and nothing of them is restored; status.leftOut has the reason of each. Restore them from another backup.',
  },
  QueueNotEmpty: {
    kind: 'stalled',
    doc: 'A queue into which it is to restore has jobs, or another restore is at it; the message says what is there. Remove that, or restore into another Queue; a restore whose object is gone is ended by an annotation of the Queue.',
  },
  QueueNotPausable: {
    kind: 'stalled',
    doc: 'The Queue has spec.paused: false, so that workers would start jobs before all are there. Set it to true or remove it.',
  },
  QueueObserved: {
    kind: 'stalled',
    doc: 'The Queue has spec.adoptionPolicy: Observe, so that nothing is written to its queue. Set it to Adopt, or restore into another Queue.',
  },
  TargetsClash: {
    kind: 'stalled',
    doc: 'Two queues of the backup would go into the same queue in Redis; give each a Queue of its own.',
  },
  OpenFlows: {
    kind: 'stalled',
    doc: 'Jobs have a flow parent or children in queues that are not restored, and openFlows is Refuse; the message names some. Restore those queues as well, or set openFlows to Detach.',
  },
  VerificationFailed: {
    kind: 'stalled',
    doc: 'What is in Redis differs from the backup, so the queues stay paused; status.queues has the first differences. Find out who writes there, and restore into an empty queue again. What a scratch restore has written is removed.',
  },
  RestoreAbandoned: { kind: 'notice', doc: 'It ended early, and what it had written was removed.' },
  RestoreLeft: {
    kind: 'degraded',
    doc: 'It ended, and jobs that it has written stay in a queue that is paused, or under the keys of a scratch restore; the message names them and says why. Annotate the Queue as the message says to have it resumed, or remove its jobs.',
  },
} as const satisfies ReasonTable;
export type QueueRestoreReason = keyof typeof QUEUE_RESTORE_REASONS;
