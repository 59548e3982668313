import { UnexpectedReplyError } from '../redis/reply.ts';
import { bytesOf, listOf, nameOf } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import { STATES, type IndexEntry, type State } from './records.ts';
import { entryOf } from './values.ts';

/** About 2 ms of Redis' time. */
const EVENTS_PER_CALL = 1_000;
/** After so many calls in a row others have their turn, or more events would come than are read. */
const CALLS_TOGETHER = 10;
const JOBS_PER_CALL = 100;

/** Where the stream of events is read from. */
export interface EventCursor {
  /** Of the last event that was read. */
  readonly id: string;
  /** Events that were ever added up to it. */
  readonly added: number;
}

/** A job and the state that it is in. */
export interface LocatedJob {
  readonly state: State;
  readonly entry: IndexEntry;
}

/**
 * Follows the stream of a queue's events, for the jobs that go back to an earlier state while the states are read one
 * after the other: a retry, a job put back, one that waits for children. Those alone can be missed in that way.
 */
export class MovedJobs {
  readonly #reads: QueueReads;
  #cursor: EventCursor;
  #missed = false;
  #atEnd = true;

  constructor(reads: QueueReads, cursor: EventCursor) {
    this.#reads = reads;
    this.#cursor = cursor;
  }

  /**
   * Not all events have been read: the stream is shorter than what happens between two reads, or more happens than is
   * read.
   */
  get missesSome(): boolean {
    return this.#missed || !this.#atEnd;
  }

  /** The jobs that went back since the last call. */
  async next(): Promise<ReadonlySet<string>> {
    const moved = new Set<string>();
    this.#atEnd = false;
    for (let calls = 0; calls < CALLS_TOGETHER && !this.#atEnd; calls++) {
      // oxlint-disable-next-line no-await-in-loop -- page by page
      const reply = listOf(await this.#reads.runOn('events', 'readMoved', [this.#cursor.id, EVENTS_PER_CALL]));
      const [id, events, added, ...ids] = reply;
      if (!Number.isSafeInteger(events) || !Number.isSafeInteger(added))
        throw new UnexpectedReplyError('events are none');
      const read = this.#cursor.added + Number(events);
      this.#atEnd = Number(events) < EVENTS_PER_CALL;
      // At the end of the stream all that were ever added have been read, unless some had gone.
      if (this.#atEnd && read !== added) this.#missed = true;
      this.#cursor = { id: bytesOf(id).toString(), added: this.#atEnd ? Number(added) : read };
      for (const each of ids) moved.add(nameOf(each, this.#reads.key('events')));
    }
    return moved;
  }
}

/** Where jobs are now; those that are gone are left out. */
export async function locateJobs(reads: QueueReads, ids: readonly string[]): Promise<LocatedJob[]> {
  const located: LocatedJob[] = [];
  for (let at = 0; at < ids.length; at += JOBS_PER_CALL) {
    const page = ids.slice(at, at + JOBS_PER_CALL);
    // oxlint-disable-next-line no-await-in-loop -- page by page
    const rows = listOf(await reads.run('locateJobs', page));
    for (const [n, id] of page.entries()) if (rows[n] !== 0) located.push(parseLocated(id, rows[n]));
  }
  return located;
}

function parseLocated(id: string, row: unknown): LocatedJob {
  const [name, score] = listOf(row);
  const state = STATES.find((known) => known === bytesOf(name).toString());
  if (!state) throw new UnexpectedReplyError('a state is none');
  return { state, entry: score === undefined ? [id] : entryOf(id, bytesOf(score).toString()) };
}
