import type { QueueRecord, Value } from '../snapshot/records.ts';

// Bytes that Redis takes beside the texts themselves, with the allocator's rounding; measured, see its test.

/** A key: the name's header, its entry, and its share of the table of keys. */
const PER_KEY = 104;
/** A field with its value, in a hash that has one long value and so is no longer packed. */
const PER_FIELD = 84;
/** The same in a packed hash. */
const PER_PACKED_FIELD = 6;
/** A line of logs, or a key of a child. */
const PER_TEXT = 64;
/** An entry of an index beside its id: in the sorted set in which it is staged, and in the list or set that it moves to. */
const PER_ENTRY = 176;
/** Of a key that is noted, so that it can be removed. */
const PER_NOTE = 14;
/** The allocator rounds sizes up by a quarter at most. */
const ROUNDING = 1.25;
/** As Redis' default has it: longer values, or more fields, and the hash is not packed. */
const LONGEST_PACKED_VALUE = 64;
const MOST_PACKED_FIELDS = 128;

/**
 * How much memory a queue of a backup takes in Redis, at most and by no more than about half too high: to be fed with all
 * its records. Pure.
 */
export class MemoryEstimate {
  readonly #keyBytes: number;
  #bytes = 0;

  /** @param prefix what all of its keys begin with. */
  constructor(prefix: string) {
    this.#keyBytes = PER_KEY + prefix.length;
  }

  add(records: readonly QueueRecord[]): void {
    for (const record of records) this.#bytes += this.#bytesOf(record);
  }

  get bytes(): number {
    return this.#bytes;
  }

  #bytesOf(record: QueueRecord): number {
    switch (record.kind) {
      case 'queue':
        return 20 * this.#keyBytes + hashBytes(record.meta);
      case 'job': {
        const { id, hash, logs = [], dependencies = [], processed, failed, unsuccessful = [] } = record;
        const key = this.#keyBytes + Buffer.byteLength(id);
        const texts = [logs, dependencies, unsuccessful.map(([child]) => child)].filter((list) => list.length > 0);
        const hashes = [processed, failed].filter((each) => each !== undefined);
        const beside = texts.reduce((sum, list) => sum + key + textBytes(list), 0);
        return (
          key +
          Buffer.byteLength(id) +
          PER_NOTE +
          hashBytes(hash) +
          beside +
          hashes.reduce((sum, each) => sum + key + hashBytes(each), 0)
        );
      }
      case 'index':
        return record.entries.reduce((sum, [id]) => sum + PER_ENTRY + 2 * Buffer.byteLength(id), 0);
      case 'scheduler':
        return 4 * PER_TEXT + 2 * record.id.length + JSON.stringify(record.hash).length;
      case 'deduplication':
        return 2 * (this.#keyBytes + record.id.length + PER_NOTE) + record.jobId.length + hashBytes(record.next ?? {});
      default:
        return 0;
    }
  }
}

function hashBytes(hash: Readonly<Record<string, Value>>): number {
  let [texts, fields, longest] = [0, 0, 0];
  for (const [field, value] of Object.entries(hash)) {
    const length = lengthOf(value);
    texts += Buffer.byteLength(field) + length;
    fields++;
    longest = Math.max(longest, length);
  }
  const isPacked = longest <= LONGEST_PACKED_VALUE && fields <= MOST_PACKED_FIELDS;
  return Math.ceil(ROUNDING * (texts + fields * (isPacked ? PER_PACKED_FIELD : PER_FIELD)));
}

function textBytes(texts: readonly Value[]): number {
  return Math.ceil(ROUNDING * texts.reduce((sum, text) => sum + PER_TEXT + lengthOf(text), 0));
}

function lengthOf(value: Value): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : Math.ceil(0.75 * value.b64.length);
}
