import { randomBytes } from 'node:crypto';
import { KeyedHash } from './keyed-hash.ts';

/** 24 MB of memory. */
const MAX_JOBS = 1_000_000;
/** Parts of the table, so that only a small part of it is there twice while it grows. */
const PARTS = 256;
const FIRST_SLOTS = 16;
const MAX_LOAD = 0.85;
const GROWTH = 1.2;
/** Words of 32 bits per slot: of the id's hash, and the two halves of the digest. */
const WORDS = 3;
const HEX = /^[0-9a-f]{16}$/;

/** A queue has more jobs than digests are held of, so changes of it cannot be told. */
export class TooManyJobsError extends Error {
  override readonly name = 'TooManyJobsError';

  constructor(limit: number) {
    super(
      `the queue has more than ${limit.toLocaleString('en')} jobs, of which changes cannot be told; take full backups of it, or keep fewer finished jobs (spec.retention of its Queue)`,
    );
  }
}

/**
 * What is known of the content of jobs: per id a digest of 64 bits, in bounded memory, 12 to 18 bytes per job. Ids are
 * held as 40 bits of a keyed hash. Of two that are alike, as there may be among a million, the later one is known; a
 * digest is of the id as well, so the other one counts as changed. No I/O.
 */
export class JobDigests {
  readonly #parts = Array.from({ length: PARTS }, () => new DigestTable());
  readonly #hash: KeyedHash;
  readonly #limit: number;
  #size = 0;

  /** @param key 8 random bytes, so that nobody who chooses ids can tell which ones are taken for another. */
  constructor({ limit = MAX_JOBS, key = randomBytes(8) }: { readonly limit?: number; readonly key?: Buffer } = {}) {
    this.#limit = limit;
    this.#hash = new KeyedHash(key);
  }

  /** Jobs of which it has a digest. */
  get size(): number {
    return this.#size;
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#parts.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** @throws TooManyJobsError when it could not hold digests of so many. */
  assertHolds(jobs: number): void {
    if (jobs > this.#limit) throw new TooManyJobsError(this.#limit);
  }

  /** 16 hexadecimal digits; undefined: nothing is known of that job. */
  get(id: string): string | undefined {
    return this.#partOf(id).get(this.#hash.low);
  }

  /**
   * @param digest 16 hexadecimal digits.
   * @throws TooManyJobsError when it is full.
   */
  set(id: string, digest: string): void {
    if (!HEX.test(digest)) throw new Error(`the digest of a job has 16 hexadecimal digits, which ${digest} has not`);
    const part = this.#partOf(id);
    const isNew = !part.has(this.#hash.low);
    this.assertHolds(this.#size + (isNew ? 1 : 0));
    part.set(this.#hash.low, digest);
    if (isNew) this.#size++;
  }

  /** Leaves the hash of the id in `#hash`. */
  #partOf(id: string): DigestTable {
    this.#hash.digest(id);
    return this.#parts[this.#hash.high % PARTS]!;
  }
}

/** Digests by 32 bits of a hash: open addressing, whose table grows by a fifth. A hash of 0 marks a slot as empty. */
class DigestTable {
  #words = new Uint32Array(WORDS * FIRST_SLOTS);
  #used = 0;

  get bytes(): number {
    return this.#words.byteLength;
  }

  has(hash: number): boolean {
    return this.#words[this.#find(hash)] !== 0;
  }

  get(hash: number): string | undefined {
    const at = this.#find(hash);
    if (this.#words[at] === 0) return undefined;
    return hexOf(this.#words[at + 1]!) + hexOf(this.#words[at + 2]!);
  }

  set(hash: number, digest: string): void {
    if (this.#used + 1 > (this.#words.length / WORDS) * MAX_LOAD) this.#grow();
    this.#put(hash || 1, Number.parseInt(digest.slice(0, 8), 16), Number.parseInt(digest.slice(8), 16));
  }

  #put(hash: number, first: number, second: number): void {
    const at = this.#find(hash);
    if (this.#words[at] === 0) this.#used++;
    this.#words[at] = hash;
    this.#words[at + 1] = first;
    this.#words[at + 2] = second;
  }

  /** Index of the slot of a hash, or of the empty one where it belongs. */
  #find(hash: number): number {
    const words = this.#words;
    const wanted = hash || 1;
    let at = WORDS * Math.floor((wanted / 4_294_967_296) * (words.length / WORDS));
    while (words[at] !== wanted && words[at] !== 0) at = at + WORDS === words.length ? 0 : at + WORDS;
    return at;
  }

  #grow(): void {
    const old = this.#words;
    this.#words = new Uint32Array(WORDS * Math.ceil((old.length / WORDS) * GROWTH));
    this.#used = 0;
    for (let at = 0; at < old.length; at += WORDS) if (old[at] !== 0) this.#put(old[at]!, old[at + 1]!, old[at + 2]!);
  }
}

function hexOf(word: number): string {
  return word.toString(16).padStart(8, '0');
}
