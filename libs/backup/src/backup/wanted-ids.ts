import { hash, randomBytes } from 'node:crypto';

/** Of the table, by hash; so that only a small part of it is there twice while it grows. */
const TABLES = 256;
const FIRST_SLOTS = 16;
/** Two numbers of 32 bits per slot, so about 10 bytes per id. */
const MAX_LOAD = 0.85;
const GROWTH = 1.2;

/**
 * Ids of jobs that are wanted, each to be taken once. Holds 63 bits of a keyed hash of each: among five million ids two
 * are alike in one of 700,000 readings, in which the job that is then missing is noticed by its number.
 */
export class WantedIds {
  readonly #key: string;
  readonly #tables = Array.from({ length: TABLES }, () => new IdTable());
  #size = 0;
  #left = 0;

  /** @param key random, so that nobody who chooses ids can tell which ones are taken for another. */
  constructor(key = randomBytes(16).toString('hex')) {
    this.#key = key;
  }

  /** Ids that were added, each counted once. */
  get size(): number {
    return this.#size;
  }

  /** Those that have not been taken. */
  get left(): number {
    return this.#left;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#tables.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  add(id: string): void {
    const [high, low] = this.#hashOf(id);
    if (!this.#tables[high % TABLES]!.add(high, low)) return;
    this.#size += 1;
    this.#left += 1;
  }

  /** @returns whether the id is wanted and had not been taken. */
  take(id: string): boolean {
    const [high, low] = this.#hashOf(id);
    if (!this.#tables[high % TABLES]!.take(high, low)) return false;
    this.#left -= 1;
    return true;
  }

  #hashOf(id: string): readonly [high: number, low: number] {
    // A text of one character per byte: a buffer for each would take three times the time.
    const digest = hash('sha256', this.#key + id, 'binary');
    return [numberAt(digest, 0), numberAt(digest, 4)];
  }
}

/** Four characters as a number of 32 bits. */
function numberAt(bytes: string, at: number): number {
  return halfAt(bytes, at + 2) * 65_536 + halfAt(bytes, at);
}

function halfAt(bytes: string, at: number): number {
  return bytes.charCodeAt(at) | (bytes.charCodeAt(at + 1) << 8);
}

/** The lowest bit of the second number says whether the id was taken. */
const TAKEN = 1;

/** A hash table of 63 bits per id: open addressing. A slot is empty whose first number is 0. */
class IdTable {
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #used = 0;

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** @returns whether it is new. */
  add(high: number, low: number): boolean {
    if (this.#used + 1 > (this.#slots.length / 2) * MAX_LOAD) this.#grow();
    return this.#put(high || 1, low & ~TAKEN);
  }

  /** @returns whether it is there and had not been taken. */
  take(high: number, low: number): boolean {
    const at = this.#find(high || 1, low);
    if (this.#slots[at] === 0 || (this.#slots[at + 1]! & TAKEN) !== 0) return false;
    this.#slots[at + 1]! |= TAKEN;
    return true;
  }

  /** @param low with whether it was taken. */
  #put(high: number, low: number): boolean {
    const at = this.#find(high, low);
    if (this.#slots[at] !== 0) return false;
    this.#slots[at] = high;
    this.#slots[at + 1] = low;
    this.#used += 1;
    return true;
  }

  /** Index of the id, or of the empty slot where it belongs. */
  #find(high: number, low: number): number {
    const slots = this.#slots;
    let at = 2 * Math.floor((high / 4_294_967_296) * (slots.length / 2));
    while (slots[at] !== 0 && (slots[at] !== high || ((slots[at + 1]! ^ low) & ~TAKEN) !== 0))
      at = at + 2 === slots.length ? 0 : at + 2;
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(2 * Math.ceil((old.length / 2) * GROWTH));
    this.#used = 0;
    for (let at = 0; at < old.length; at += 2) if (old[at] !== 0) this.#put(old[at]!, old[at + 1]!);
  }
}
