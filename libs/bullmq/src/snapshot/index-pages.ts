import { bytesOf, nameOf } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import { MAX_INDEX_ENTRIES, type IndexEntry, type State } from './records.ts';
import { GROWTH, readRange, scanKey } from './scan-key.ts';
import { UnreadableKeyError } from './unreadable-key-error.ts';
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

/** The states of jobs that are not finished, each before those that a job goes to from it. */
export const UNFINISHED: readonly JobIndex[] = [
  set('delayed'),
  set('waiting-children'),
  set('prioritized'),
  list('waiting', 'wait'),
  // Where BullMQ before v6 keeps what waits while the queue is paused.
  list('waiting', 'paused'),
  list('active', 'active'),
];
export const FINISHED: readonly JobIndex[] = [set('completed'), set('failed')];
export const ALL_INDEXES: readonly JobIndex[] = [...UNFINISHED, ...FINISHED];

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
   * Whether the walk is behind all of them with this page. One alone may have been moved to the serving end, so it takes
   * half of them, and as many ids behind the first of them as there are.
   */
  arePassed(page: readonly string[]): boolean {
    const first = page.findIndex((id) => this.#ids.has(id));
    for (const id of page) if (this.#ids.has(id)) this.#seen.add(id);
    const isBehind = this.#seen.size > 0 && (first === -1 || page.length - first >= this.#ids.size);
    return this.#ids.size === 0 || (isBehind && this.#seen.size * 2 >= this.#ids.size);
  }
}
