import { bytesOf, nameOf } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import { MAX_INDEX_ENTRIES, type IndexEntry, type State } from './records.ts';
import { GROWTH, readRange, scanKey } from './scan-key.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';
import { entryOf } from './values.ts';

/** Where jobs of a state are listed. */
export interface JobIndex {
  readonly state: State;
  /** Suffix of its key. */
  readonly suffix: string;
  readonly isList: boolean;
}

const set = (state: State): JobIndex => ({ state, suffix: state, isList: false });
const list = (state: State, suffix: string): JobIndex => ({ state, suffix, isList: true });

/** The states of jobs, each before those that a job goes to from it. */
export const ALL_INDEXES: readonly JobIndex[] = [
  set('delayed'),
  set('waiting-children'),
  set('prioritized'),
  list('waiting', 'wait'),
  // Where BullMQ before v6 keeps what waits while the queue is paused.
  list('waiting', 'paused'),
  list('active', 'active'),
  set('completed'),
  set('failed'),
];
const LINE: ReadonlySet<string> = new Set(['prioritized', 'wait', 'paused']);
const FINISHED: ReadonlySet<string> = new Set(['completed', 'failed']);
/** Before jobs are in line. */
export const BEFORE_LINE = ALL_INDEXES.slice(0, 2);
/** Where jobs are in line; a change of its priority moves a job from one to another, and a pause a whole list. */
export const IN_LINE = ALL_INDEXES.filter(({ suffix }) => LINE.has(suffix));
/** After jobs were in line. */
export const BEHIND_LINE = ALL_INDEXES.slice(5);
export const isFinished = ({ suffix }: JobIndex): boolean => FINISHED.has(suffix);

/** Ids of a page that are looked at again before the next one, so that it is seen to go on where that one ended. */
const LOOK_BACK = 500;
/** Of a page the last ids, of which the next one has to find one; of a list those that are last when its walk begins. */
const ANCHORS = 16;
/** So often the walk of a list begins again, when it cannot be seen where it goes on. */
const MAX_RESTARTS = 20;

/** What BullMQ before v5 puts into `wait` beside jobs. */
const isMarker = (id: string): boolean => id.startsWith('0:');

/**
 * The entries of an index page by page; some may come twice.
 *
 * @param size how many there were.
 */
export async function* indexPages(
  reads: QueueReads,
  index: JobIndex,
  { pageSize, size }: { readonly pageSize: number; readonly size: number },
): AsyncGenerator<readonly IndexEntry[]> {
  if (index.isList) {
    for await (const ids of listPages(reads, index.suffix, pageSize, size)) yield ids.map((id): IndexEntry => [id]);
  } else {
    for await (const elements of scanKey(reads, index.suffix, 'ZSCAN', pageSize)) {
      const entries = setEntries(elements, reads.key(index.suffix));
      // A small set comes whole, whatever is asked for.
      for (let at = 0; at < entries.length; at += MAX_INDEX_ENTRIES) yield entries.slice(at, at + MAX_INDEX_ENTRIES);
    }
  }
}

/** Entries of a sorted set from members and scores in turns, as Redis gives them. */
export function setEntries(elements: readonly unknown[], key: string): IndexEntry[] {
  const entries: IndexEntry[] = [];
  for (let at = 0; at + 1 < elements.length; at += 2)
    entries.push(entryOf(nameOf(elements[at], key), bytesOf(elements[at + 1]).toString()));
  return entries;
}

/** Ids of a list from its serving end on, from elements as Redis gives them. */
export function listIds(elements: readonly unknown[], key: string): string[] {
  return elements
    .map((id) => nameOf(id, key))
    .filter((id) => !isMarker(id))
    .toReversed();
}

/**
 * The ids of a list from its serving end on. Meanwhile jobs are taken from that end, others come to both, and some go
 * from anywhere, so a page by its place in the list would leave jobs out: each one looks back, and goes on behind the
 * last ids that came before. What is in between comes again. Where none of them is found, the walk begins again, as most
 * of what it has passed has been served. It ends behind those that were last when it began: those that come faster than
 * they are read would never end it.
 */
async function* listPages(
  reads: QueueReads,
  suffix: string,
  pageSize: number,
  size: number,
): AsyncGenerator<readonly string[]> {
  const lastOnes = new LastOnes(listIds((await readRange(reads, suffix, 0, ANCHORS - 1)) ?? [], reads.key(suffix)));
  let anchors: readonly string[] = [];
  let [passed, restarts, walked] = [0, 0, 0];
  let [asked, back] = [pageSize, LOOK_BACK];
  for (;;) {
    const from = Math.max(0, passed - back);
    // oxlint-disable-next-line no-await-in-loop -- page by page
    const elements = await readRange(reads, suffix, -(passed + asked), -(from + 1));
    if (!elements) {
      if (asked === 1 && back === 1) throw new UnreadableKeyError(reads.key(suffix), 'its ids are too long to be read');
      [asked, back] = [Math.ceil(asked / 4), Math.ceil(back / 4)];
      continue;
    }
    const ids = listIds(elements, reads.key(suffix));
    const goesOn = passed === 0 || anchors.some((id) => ids.includes(id));
    if (!goesOn && restarts < MAX_RESTARTS) {
      [passed, restarts] = [0, restarts + 1];
      continue;
    }
    yield ids;
    // Fewer than it would be: this is the end of the list.
    if (elements.length < passed + asked - from || lastOnes.arePassed(ids)) return;
    // Only where those have all gone, and many come all the time.
    walked += asked;
    if (walked > (MAX_RESTARTS + 2) * size + 100 * pageSize) return;
    anchors = ids.slice(-ANCHORS);
    passed += asked;
    asked = Math.min(pageSize, Math.ceil(asked * GROWTH));
  }
}

/** The ids that were last in a list when its walk began. */
class LastOnes {
  readonly #ids: ReadonlySet<string>;
  readonly #seen = new Set<string>();

  constructor(ids: readonly string[]) {
    this.#ids = new Set(ids);
  }

  /**
   * Whether the walk is behind all of them with this page. Some may have been moved to the serving end since, so it takes
   * half of them, and as many other ids behind the last one: they were side by side.
   */
  arePassed(page: readonly string[]): boolean {
    for (const id of page) if (this.#ids.has(id)) this.#seen.add(id);
    const last = page.slice(-ANCHORS);
    const isBehind = last.length === ANCHORS && last.every((id) => !this.#ids.has(id));
    return this.#ids.size === 0 || (isBehind && this.#seen.size * 2 >= this.#ids.size);
  }
}
