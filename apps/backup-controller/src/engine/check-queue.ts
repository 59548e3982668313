import type { OpenBackup } from '@redis-queue/backup';
import {
  OpenFlowsFinder,
  parseQueueRecord,
  type OpenFlowList,
  type QueueRecord,
  type QueueRef,
} from '@redis-queue/bullmq';
import { ZodError } from 'zod';
import { RunFailure } from '../runs/failure.ts';
import type { QueueMove } from './moves.ts';

/** The queue in Redis that a queue of the backup was, by its first record. */
export async function sourceOf(
  backup: OpenBackup,
  name: string,
): Promise<{ readonly from: QueueRef; readonly fromRedis: string }> {
  const entry = backup.manifest.queues.find((queue) => queue.name === name);
  const { redis } = entry?.about ?? {};
  for await (const { records } of backup.records(name)) {
    const first = records[0] && parsed(name, records[0]);
    if (first?.kind !== 'queue') break;
    return { from: { prefix: first.prefix, name: first.name }, fromRedis: typeof redis === 'string' ? redis : '' };
  }
  throw new RunFailure({
    reason: 'BackupUnreadable',
    message: `queue ${name} of the backup does not begin with the record of the queue; was it written by a later release?`,
  });
}

/** Learns something of a queue from all its records. */
export interface RecordReader {
  add(records: readonly QueueRecord[]): void;
}

export interface CheckOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (jobs: number) => void;
}

/** Reads a queue of the backup from its first to its last record: each of them is one that can be restored. */
export async function checkQueue(
  backup: OpenBackup,
  { name, rename }: QueueMove,
  readers: readonly RecordReader[],
  { signal, onProgress }: CheckOptions,
): Promise<{ readonly jobs: number; readonly flows: OpenFlowList }> {
  const flows = new OpenFlowsFinder((queueKey) => rename(queueKey) !== undefined);
  let seen = 0;
  let jobs: number | undefined;
  for await (const batch of backup.records(name)) {
    signal.throwIfAborted();
    const records = batch.records.map((record) => parsed(name, record));
    for (const reader of [...readers, flows]) reader.add(records);
    for (const record of records) {
      if (record.kind === 'job') seen++;
      if (record.kind === 'end') jobs = record.jobs;
    }
    onProgress(seen);
  }
  if (jobs === undefined)
    throw new RunFailure({
      reason: 'BackupUnreadable',
      message: `queue ${name} of the backup has no record of its end`,
    });
  return { jobs, flows: flows.list() };
}

function parsed(name: string, record: unknown): QueueRecord {
  try {
    return parseQueueRecord(record);
  } catch (error) {
    if (!(error instanceof ZodError)) throw error;
    const path = error.issues[0]?.path.map(String).join('.').slice(0, 100) ?? '';
    const message = `queue ${name} of the backup has a record that this release cannot read${path ? `, at ${path}` : ''}; upgrade, if a later one wrote it`;
    throw new RunFailure({ reason: 'BackupUnreadable', message }, error);
  }
}
