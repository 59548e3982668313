import type { JobsByState } from '@redis-queue/api';
import type { BackupWriter } from '@redis-queue/backup';
import {
  addressOf,
  assertGovernedBy,
  readServerInfo,
  snapshotQueue,
  type QueueRecord,
  type QueueRef,
  type RedisTarget,
  type SnapshotChanges,
  type SnapshotOptions,
} from '@redis-queue/bullmq';
import type { RunRedis } from '../access/redis.ts';
import type { RunContext } from '../runs/runs.ts';
import { redisInWords } from './failures.ts';
import type { RunProgress } from './progress.ts';

/** A queue that is read. */
export interface QueueSource {
  /** As the backup names it. */
  readonly name: string;
  readonly ref: QueueRef;
  readonly target: RedisTarget;
  /** `namespace/name` of the Queue object in whose name it is read. */
  readonly governor: string;
}

/** Of a point: which jobs of a queue changed is found out by these. */
export interface PointChanges {
  /** Anew for each time that a queue is read. */
  of(queue: string): SnapshotChanges;
  /** What was read of the queue is not in the point. */
  drop(queue: string): void;
}

export interface QueueResult {
  readonly name: string;
  /** Unix ms, by Redis' clock. */
  readonly snapshotAt: number;
  readonly consistent: boolean;
  /** By state. A job that moved while pages were read may count in two. */
  readonly jobs: JobsByState;
  /** Each counted once. */
  readonly total: number;
  /** Of a point: those that changed since the one before. */
  readonly changed?: number;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly sha256: string;
  readonly redisVersion?: string;
}

export interface ReadQueueOptions extends RunContext<RunProgress> {
  /** Absent: every job is written. */
  readonly changes?: PointChanges | undefined;
  readonly jobsPerSecond?: number | undefined;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
  readonly queuesDone: number;
  readonly readLetters?: SnapshotOptions['readLetters'] | undefined;
  readonly beforeLastLook?: SnapshotOptions['beforeLastLook'] | undefined;
}

/**
 * Writes a queue into a backup, from its first to its last record. What ends it before leaves nothing of the queue in the
 * backup, so that the others may go on.
 */
export async function readQueue(
  backup: BackupWriter,
  { name, ref, target, governor }: QueueSource,
  access: RunRedis,
  { signal, jobsPerSecond, report, assertLeading, changes, queuesDone, ...letters }: ReadQueueOptions,
): Promise<QueueResult> {
  report({ step: 'Reading', queue: name, jobs: 0, queuesDone });
  const redis = <T>(call: () => Promise<T>): Promise<T> => redisInWords(name, access, call);
  await redis(() => assertGovernedBy(access.redis, ref, governor));
  const server = await redis(() => readServerInfo(access.redis));
  const records = snapshotQueue(access.redis, ref, {
    signal,
    ...(jobsPerSecond !== undefined && { jobsPerSecond }),
    ...(changes && { changes: changes.of(name) }),
    ...(letters.readLetters && { readLetters: letters.readLetters }),
    ...(letters.beforeLastLook && { beforeLastLook: letters.beforeLastLook }),
    onProgress: (jobs, of) => report({ step: 'Reading', queue: name, jobs, of, queuesDone }),
  });
  const writer = backup.queue(name);
  const found = new FoundInQueue();
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a batch after the other
      const next = await redis(() => records.next());
      if (next.done) break;
      found.add(next.value);
      assertLeading();
      // oxlint-disable-next-line no-await-in-loop -- so that no more is held than is being written
      await writer.write(next.value);
    }
  } catch (error) {
    signal.throwIfAborted();
    changes?.drop(name);
    await backup.discard(writer, assertLeading);
    throw error;
  } finally {
    await records.return(undefined);
  }
  const result = found.result();
  const { bytes, storedBytes, sha256 } = await writer.close({
    prefix: ref.prefix,
    name: ref.name,
    redis: addressOf(target),
    snapshotAt: result.snapshotAt,
  });
  return { name, ...result, bytes, storedBytes, sha256, redisVersion: `${server.product} ${server.version}` };
}

/** What records say of the queue as a whole. */
class FoundInQueue {
  #head: Extract<QueueRecord, { kind: 'queue' }> | undefined;
  #end: Extract<QueueRecord, { kind: 'end' }> | undefined;

  add(records: readonly QueueRecord[]): void {
    for (const record of records) {
      if (record.kind === 'queue') this.#head = record;
      if (record.kind === 'end') this.#end = record;
    }
  }

  result(): Pick<QueueResult, 'snapshotAt' | 'consistent' | 'jobs' | 'total' | 'changed'> {
    if (!this.#head || !this.#end) throw new Error('a snapshot without its first or its last record');
    const { snapshotAt, consistent } = this.#head;
    const { jobs: total, changed, counts } = this.#end;
    const { 'waiting-children': waitingChildren, ...others } = counts;
    const jobs = { ...others, waitingChildren };
    return { snapshotAt, consistent, jobs, total, ...(changed !== undefined && { changed }) };
  }
}
