import { randomBytes } from 'node:crypto';
import { KeyedHash } from './keyed-hash.ts';

/** Integer ids per chunk of the bitmap: 4 KiB. */
const IDS_PER_CHUNK = 32_768;
/** 8 MiB. Ids are given out one by one, so that 5 million of them fill 153; who sets others fills what is allowed. */
const MAX_CHUNKS = 2_048;
/** Parts of the table, so that only a small part of it is there twice while it grows. */
const PARTS = 256;
const FIRST_SLOTS = 64;
/** Of 8 bytes per slot: 47 MB for 5 million. */
const MAX_LOAD = 0.85;
const GROWTH = 1.2;

/**
 * Which ids were seen, in bounded memory: integers as BullMQ gives them are bits, other ids 64 bits of a keyed hash, of
 * which two among 5 million are alike once in a million snapshots. No I/O.
 */
export class SeenIds {
  readonly #chunks = new Map<number, Uint8Array>();
  readonly #table = Array.from({ length: PARTS }, () => new HashSet());
  readonly #hash: KeyedHash;
  #size = 0;

  /** @param key 8 random bytes, so that nobody who chooses ids can tell which ones are taken for another. */
  constructor(key: Buffer = randomBytes(8)) {
    this.#hash = new KeyedHash(key);
  }

  /** Ids that were added. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    const tables = this.#table.reduce((sum, { bytes }) => sum + bytes, 0);
    return (this.#chunks.size * IDS_PER_CHUNK) / 8 + tables;
  }

  /** @returns whether the id is new. */
  add(id: string): boolean {
    const isNew = this.#visit(id, true);
    if (isNew) this.#size++;
    return isNew;
  }

  has(id: string): boolean {
    return !this.#visit(id, false);
  }

  /** @returns whether the id was not there. */
  #visit(id: string, adds: boolean): boolean {
    const integer = integerOf(id);
    const number = integer === undefined ? 0 : Math.floor(integer / IDS_PER_CHUNK);
    const chunk = integer === undefined ? undefined : (this.#chunks.get(number) ?? this.#newChunk(number, adds));
    // Once there are as many chunks as may be no id gets another one, so each id is always looked for in one place.
    if (integer === undefined || (!chunk && this.#chunks.size >= MAX_CHUNKS)) return this.#visitTable(id, adds);
    if (!chunk) return true;
    const bit = integer % IDS_PER_CHUNK;
    const mask = 1 << (bit & 7);
    const isNew = (chunk[bit >> 3]! & mask) === 0;
    if (adds) chunk[bit >> 3]! |= mask;
    return isNew;
  }

  #newChunk(number: number, adds: boolean): Uint8Array | undefined {
    if (!adds || this.#chunks.size >= MAX_CHUNKS) return undefined;
    const chunk = new Uint8Array(IDS_PER_CHUNK / 8);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  #visitTable(id: string, adds: boolean): boolean {
    this.#hash.digest(id);
    const { high, low } = this.#hash;
    // The place within a part is by the upper bits of `high`.
    const part = this.#table[high % PARTS]!;
    return adds ? part.add(high, low) : !part.has(high, low);
  }
}

/** The number of an id as BullMQ gives them; undefined for another text. */
export function integerOf(id: string): number | undefined {
  if (id.length > 15 || !/^(?:0|[1-9]\d*)$/.test(id)) return undefined;
  return Number(id);
}

/** A set of pairs of 32 bits: open addressing, whose table grows by a fifth. The pair of zeros marks a slot as empty. */
class HashSet {
  #slots = new Uint32Array(2 * FIRST_SLOTS);
  #used = 0;

  get bytes(): number {
    return this.#slots.byteLength;
  }

  add(high: number, low: number): boolean {
    if (this.#used + 1 > (this.#slots.length / 2) * MAX_LOAD) this.#grow();
    const at = this.#find(high, low);
    if (this.#slots[at] !== 0 || this.#slots[at + 1] !== 0) return false;
    this.#slots[at] = high;
    this.#slots[at + 1] = low || 1;
    this.#used++;
    return true;
  }

  has(high: number, low: number): boolean {
    const at = this.#find(high, low);
    return this.#slots[at] !== 0 || this.#slots[at + 1] !== 0;
  }

  /** Index of the pair, or of the empty slot where it belongs. */
  #find(high: number, low: number): number {
    const slots = this.#slots;
    const second = low || 1;
    let at = 2 * Math.floor((high / 4_294_967_296) * (slots.length / 2));
    while ((slots[at] !== high || slots[at + 1] !== second) && (slots[at] !== 0 || slots[at + 1] !== 0))
      at = at + 2 === slots.length ? 0 : at + 2;
    return at;
  }

  #grow(): void {
    const old = this.#slots;
    this.#slots = new Uint32Array(2 * Math.ceil((old.length / 2) * GROWTH));
    this.#used = 0;
    for (let at = 0; at < old.length; at += 2) if (old[at] !== 0 || old[at + 1] !== 0) this.add(old[at]!, old[at + 1]!);
  }
}
