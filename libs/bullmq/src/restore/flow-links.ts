import { queueId, type QueueRef } from '../redis/keys.ts';
import type { QueueRecord, RecordOf } from '../snapshot/records.ts';

/** Where a queue goes, both as `prefix:name`; undefined: it is not restored. */
export type Rename = (queueKey: string) => string | undefined;

/** What becomes of a job whose parent or child is in a queue that is not restored. */
export type OpenFlows = 'Refuse' | 'Detach';

type JobRecord = RecordOf<'job'>;

/** The queue itself goes to its target, whatever is said of others. */
export function renameWith(from: QueueRef, target: QueueRef, rename: Rename = () => undefined): Rename {
  const [own, to] = [queueId(from), queueId(target)];
  return (queueKey) => (queueKey === own ? to : rename(queueKey));
}

/** Jobs of job schedulers have colons in their ids, as `repeat:nightly:1700000000000`; no other ones do. */
const SCHEDULED = ':repeat:';

/** A job's key in its two parts: `prefix:name`, and the id. Linear in its length, which is a tenant's. */
export function splitJobKey(key: string): { readonly queueKey: string; readonly id: string } {
  const last = key.lastIndexOf(':');
  const scheduled = key.indexOf(SCHEDULED);
  const isScheduled = scheduled >= 0 && last >= scheduled + SCHEDULED.length && /^\d+$/.test(key.slice(last + 1));
  const at = isScheduled ? scheduled : last;
  return { queueKey: key.slice(0, Math.max(at, 0)), id: key.slice(at + 1) };
}

/** The key of the same job where its queue goes; undefined: its queue is not restored. */
export function renameJobKey(key: string, rename: Rename): string | undefined {
  const { queueKey, id } = splitJobKey(key);
  const renamed = rename(queueKey);
  return renamed === undefined ? undefined : `${renamed}:${id}`;
}

/** The parent that a job reports to when it ends; undefined: it has none, or is over. */
function openParentOf({ hash }: JobRecord): string | undefined {
  if (typeof hash['parentKey'] !== 'string' || hash['parentKey'] === '' || hash['finishedOn'] !== undefined)
    return undefined;
  return hash['parentKey'];
}

/** Keys of the jobs in queues that are not restored which `job` waits for or reports to. */
export function openLinks(job: JobRecord, rename: Rename): string[] {
  const parent = openParentOf(job);
  const linked = [...(parent === undefined ? [] : [parent]), ...(job.dependencies ?? [])];
  return linked.filter((key) => renameJobKey(key, rename) === undefined);
}

/**
 * Fields of a job that may name its flow's parent, and are restored as they are, because they cannot be read or are nested
 * too deep to be written again. Pure.
 */
function fixedFields({ hash }: JobRecord): string[] {
  return ['parent', 'opts'].filter((field) => {
    const value = hash[field];
    if (typeof value !== 'string' || (field === 'opts' && !value.includes('"parent"'))) return false;
    try {
      JSON.stringify(JSON.parse(value));
      return false;
    } catch {
      return true;
    }
  });
}

const MOST_NAMED = 20;

/** What stands in the way of a restore with `Refuse`. */
export interface OpenFlowList {
  /** Links of jobs to parents or children in queues that are not restored. */
  readonly links: number;
  /** The first of them: `bull:emails:12 waits for bull:images:7`. At most 20. */
  readonly first: readonly string[];
  /** The first jobs whose link to a parent is restored as it is, because it cannot be read or written. At most 20. */
  readonly fixed: readonly string[];
}

/**
 * Collects the flows that a set of queues would cut: a job whose parent or child is in a queue that is not restored. To be
 * fed with all records of all queues before anything is written. Pure.
 */
export class OpenFlowsFinder {
  readonly #isRestored: (queueKey: string) => boolean;
  readonly #first: string[] = [];
  readonly #fixed: string[] = [];
  #links = 0;
  #queueKey = '';

  /** @param isRestored of `prefix:name` in the backup. */
  constructor(isRestored: (queueKey: string) => boolean) {
    this.#isRestored = isRestored;
  }

  add(records: readonly QueueRecord[]): void {
    for (const record of records) {
      if (record.kind === 'queue') this.#queueKey = queueId(record);
      if (record.kind === 'job') this.#addJob(record);
    }
  }

  list(): OpenFlowList {
    return { links: this.#links, first: this.#first, fixed: this.#fixed };
  }

  #addJob(job: JobRecord): void {
    for (const field of fixedFields(job))
      if (this.#fixed.length < MOST_NAMED)
        this.#fixed.push(`${this.#queueKey}:${job.id} keeps ${field} as it is, which is no JSON or nested too deep`);
    const parent = openParentOf(job);
    for (const key of openLinks(job, (queueKey) => (this.#isRestored(queueKey) ? queueKey : undefined))) {
      this.#links++;
      if (this.#first.length < MOST_NAMED)
        this.#first.push(`${this.#queueKey}:${job.id} ${key === parent ? 'reports to' : 'waits for'} ${key}`);
    }
  }
}

/** A job of the backup has a parent or child in a queue that is not restored, and `openFlows` is `Refuse`. */
export class OpenFlowError extends Error {
  override readonly name = 'OpenFlowError';

  constructor(jobId: string, key: string) {
    super(
      `job ${jobId} is part of a flow with ${key}, whose queue is not restored; restore that queue too, or cut such flows with openFlows: Detach`,
    );
  }
}
