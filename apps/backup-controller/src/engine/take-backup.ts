import type { JobsByState } from '@redis-queue/api';
import { BackupWriter, removeBackupsBelow, type Storage } from '@redis-queue/backup';
import {
  addressOf,
  readServerInfo,
  snapshotQueue,
  type QueueRecord,
  type QueueRef,
  type RedisTarget,
} from '@redis-queue/bullmq';
import { withRedis, type RunRedis } from '../access/redis.ts';
import type { OpenKey } from '../access/storage-access.ts';
import type { RunContext } from '../runs/runs.ts';
import { redisInWords } from './failures.ts';
import type { RunProgress } from './progress.ts';

/** A queue that is read. */
export interface QueueSource {
  /** As the backup names it. */
  readonly name: string;
  readonly ref: QueueRef;
  readonly target: RedisTarget;
}

export interface BackupOptions extends RunContext<RunProgress> {
  readonly storage: Storage;
  /** Where the attempts of this backup lie, with a slash at its end. */
  readonly base: string;
  /** The folder of this attempt in `base`: nobody has written there, not even another process for the same object. */
  readonly attempt: string;
  readonly backupId: string;
  readonly createdAt: Date;
  /** Absent: the backup is not encrypted. */
  readonly openKey?: OpenKey | undefined;
  /** What the manifest says of where it is from. */
  readonly about: Readonly<Record<string, unknown>>;
  readonly queues: readonly QueueSource[];
  readonly jobsPerSecond?: number | undefined;
  /** @throws when another may lead by now. */
  readonly assertLeading: () => void;
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
  readonly bytes: number;
  readonly storedBytes: number;
  readonly sha256: string;
  readonly redisVersion?: string;
}

export interface BackupResult {
  readonly directory: string;
  readonly location: string;
  readonly formatVersion: number;
  readonly manifestSha256: string;
  readonly queues: readonly QueueResult[];
}

/**
 * Writes queues into a folder of their own, one after the other. The manifest comes last: without it there is no backup.
 * What attempts before it have left is removed first.
 */
export async function takeBackup(options: BackupOptions): Promise<BackupResult> {
  const { storage, base, attempt, backupId, createdAt, about, openKey, signal } = options;
  await removeAttempts(storage, base, options);
  const directory = `${base}${attempt}`;
  const key = await openKey?.();
  const writer = await BackupWriter.create(storage, {
    directory,
    backupId,
    createdAt,
    about,
    signal,
    ...(key && { key }),
  });
  try {
    const queues = await writeQueues(writer, options);
    options.assertLeading();
    const { manifest, sha256 } = await writer.finish();
    return {
      directory,
      location: `${directory} in ${storage.location}`,
      formatVersion: manifest.formatVersion,
      manifestSha256: sha256,
      queues,
    };
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Removes all attempts of a backup, of which manifests go first. */
export async function removeAttempts(
  storage: Storage,
  base: string,
  { signal, assertLeading }: Pick<BackupOptions, 'signal' | 'assertLeading'>,
): Promise<void> {
  await removeBackupsBelow(storage, base, { signal, beforeRemove: assertLeading });
}

async function writeQueues(writer: BackupWriter, options: BackupOptions): Promise<QueueResult[]> {
  const written: QueueResult[] = [];
  for (const queue of options.queues) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other: memory is bounded by the parts of one
    const result = await withRedis(queue.target, options.signal, (redis) =>
      writeQueue(writer, queue, redis, written.length, options),
    );
    written.push(result);
  }
  return written;
}

async function writeQueue(
  backup: BackupWriter,
  { name, ref, target }: QueueSource,
  access: RunRedis,
  queuesDone: number,
  { signal, jobsPerSecond, report, assertLeading }: BackupOptions,
): Promise<QueueResult> {
  report({ step: 'Reading', queue: name, jobs: 0, queuesDone });
  const redis = <T>(call: () => Promise<T>): Promise<T> => redisInWords(name, access, call);
  const server = await redis(() => readServerInfo(access.redis));
  const records = snapshotQueue(access.redis, ref, {
    signal,
    ...(jobsPerSecond !== undefined && { jobsPerSecond }),
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
  } finally {
    await records.return(undefined);
  }
  const { bytes, storedBytes, sha256 } = await writer.close({
    prefix: ref.prefix,
    name: ref.name,
    redis: addressOf(target),
  });
  return { name, ...found.result(), bytes, storedBytes, sha256, redisVersion: `${server.product} ${server.version}` };
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

  result(): Pick<QueueResult, 'snapshotAt' | 'consistent' | 'jobs' | 'total'> {
    if (!this.#head || !this.#end) throw new Error('a snapshot without its first or its last record');
    const { snapshotAt, consistent } = this.#head;
    const { 'waiting-children': waitingChildren, ...counts } = this.#end.counts;
    return { snapshotAt, consistent, jobs: { ...counts, waitingChildren }, total: this.#end.jobs };
  }
}
