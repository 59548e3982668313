import type { JobsByState } from '@redis-queue/api';
import { BackupWriter, type BackupOptions, type Storage } from '@redis-queue/backup';
import {
  addressOf,
  assertGovernedBy,
  readServerInfo,
  checkSnapshot,
  connectionKey,
  deadLetterQueue,
  queueId,
  snapshotQueue,
  type QueueRecord,
  type QueueRef,
  type RedisTarget,
  type SnapshotChanges,
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
  /** `namespace/name` of the Queue object in whose name it is read. */
  readonly governor: string;
}

export interface WriteOptions extends RunContext<RunProgress> {
  readonly storage: Storage;
  /** Nobody has written there, not even another process for the same object. */
  readonly directory: string;
  readonly backupId: string;
  /** Of an increment: the backup before it. */
  readonly previous?: BackupOptions['previous'];
  /** Of a point: which jobs of a queue changed is found out by these. Absent: every job is written. */
  readonly changesOf?: (queue: string) => SnapshotChanges;
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
  /** Of a point: those that changed since the one before. */
  readonly changed?: number;
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
 */
export async function writeBackup(options: WriteOptions): Promise<BackupResult> {
  const { storage, directory, backupId, previous, createdAt, about, openKey, signal } = options;
  const key = await openKey?.();
  const writer = await BackupWriter.create(storage, {
    directory,
    backupId,
    createdAt,
    about,
    signal,
    ...(key && { key }),
    ...(previous && { previous }),
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

async function writeQueues(writer: BackupWriter, options: WriteOptions): Promise<QueueResult[]> {
  const { signal } = options;
  // Nothing is read in vain for one that cannot be read yet.
  for (const { name, ref, target } of options.queues.slice(1)) {
    // oxlint-disable-next-line no-await-in-loop -- as they are read
    await withRedis(target, signal, (access) =>
      redisInWords(name, access, () => checkSnapshot(access.redis, ref, { signal })),
    );
  }
  const written: QueueResult[] = [];
  for (let at = 0; at < options.queues.length;) {
    const [queue, next] = options.queues.slice(at, at + 2) as [QueueSource, QueueSource?];
    const letters = next && isOfLetters(next, queue) ? next : undefined;
    // oxlint-disable-next-line no-await-in-loop -- one after the other: memory is bounded by the parts of two
    const results = await withRedis(queue.target, options.signal, (redis) =>
      writeWithLetters(writer, { queue, letters }, redis, { ...options, queuesDone: at }),
    );
    written.push(...results);
    at += results.length;
  }
  return written;
}

function isOfLetters({ ref, target }: QueueSource, queue: QueueSource): boolean {
  return queueId(ref) === queueId(deadLetterQueue(queue.ref)) && connectionKey(target) === connectionKey(queue.target);
}

/**
 * A queue and its dead letters are read as one: what a redrive puts back from the one into the other meanwhile is in the
 * backup. A job that the mover moves meanwhile is in both.
 */
async function writeWithLetters(
  writer: BackupWriter,
  { queue, letters }: { readonly queue: QueueSource; readonly letters: QueueSource | undefined },
  redis: RunRedis,
  options: QueueOptions,
): Promise<QueueResult[]> {
  if (!letters) return [await writeQueue(writer, queue, redis, options)];
  let ofLetters: QueueResult | undefined;
  const readLetters = async (): Promise<void> => {
    ofLetters = await writeQueue(writer, letters, redis, { ...options, queuesDone: options.queuesDone + 1 });
  };
  const ofQueue = await writeQueue(writer, queue, redis, { ...options, readLetters });
  return [ofQueue, ...(ofLetters ? [ofLetters] : [])];
}

interface QueueOptions extends WriteOptions {
  readonly queuesDone: number;
  readonly readLetters?: () => Promise<void>;
}

async function writeQueue(
  backup: BackupWriter,
  { name, ref, target, governor }: QueueSource,
  access: RunRedis,
  { signal, jobsPerSecond, report, assertLeading, changesOf, queuesDone, readLetters }: QueueOptions,
): Promise<QueueResult> {
  report({ step: 'Reading', queue: name, jobs: 0, queuesDone });
  const redis = <T>(call: () => Promise<T>): Promise<T> => redisInWords(name, access, call);
  await redis(() => assertGovernedBy(access.redis, ref, governor));
  const server = await redis(() => readServerInfo(access.redis));
  const records = snapshotQueue(access.redis, ref, {
    signal,
    ...(jobsPerSecond !== undefined && { jobsPerSecond }),
    ...(changesOf && { changes: changesOf(name) }),
    ...(readLetters && { readLetters }),
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
