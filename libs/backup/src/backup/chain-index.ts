import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { manifestPath } from '../manifest/layout.ts';
import type { QueueEntry } from '../manifest/schema.ts';
import type { PartEntry } from '../parts/part.ts';
import type { CheckedManifest } from './read-chain.ts';
import type { PartPlace, PartSource } from './read-parts.ts';

/** Of the parts with jobs, of all points: 350 queues that change in each of 720 points. 14 MB. */
const MAX_CHAIN_PARTS = 250_000;

/** Six numbers of 32 bits, and a SHA-256. Manifests would take five times as much, in the heap. */
const NUMBERS = ['queue', 'point', 'number', 'records', 'bytes', 'storedBytes'] as const;
const HASH_OFFSET = 4 * NUMBERS.length;
const ROW_BYTES = HASH_OFFSET + 32;
const FIRST_ROWS = 1_024;

type Row = Record<(typeof NUMBERS)[number], number> & Pick<PartEntry, 'sha256'>;

/** Which parts of the points of a chain have jobs of the queues that the newest point has. */
export class ChainIndex {
  readonly #queues: ReadonlyMap<string, { readonly position: number; readonly queue: QueueEntry }>;
  readonly #points: { readonly source: PartSource; readonly isIncrement: boolean }[] = [];
  readonly #maxParts: number;
  #rows = Buffer.alloc(FIRST_ROWS * ROW_BYTES);
  #count = 0;

  constructor(queues: readonly QueueEntry[], { maxParts = MAX_CHAIN_PARTS } = {}) {
    this.#queues = new Map(queues.map((queue, position) => [queue.name, { position, queue }]));
    this.#maxParts = maxParts;
  }

  /**
   * Adds the next older point.
   * @throws {BackupDamagedError} when a queue lies elsewhere than in the newest point, or there are too many parts.
   */
  add({ manifest, source }: CheckedManifest): void {
    const point = this.#points.push({ source, isIncrement: manifest.previous !== undefined }) - 1;
    for (const { name, directory, parts } of manifest.queues) {
      const found = this.#queues.get(name);
      if (!found) continue;
      if (found.queue.directory !== directory) {
        const what = `has queue ${name} in ${directory}, and the newest point of its chain in ${found.queue.directory}`;
        throw new BackupDamagedError(manifestPath(source.directory), 'ChainDamaged', what);
      }
      // The later record of a job holds, so the last part is read first.
      for (let number = parts.length; number > 0; number -= 1) {
        const { holds, ...entry } = parts[number - 1]!;
        if (holds === 'rest') continue;
        if (this.#count >= this.#maxParts) {
          const what = `is of a chain of which all points together have more than ${this.#maxParts} parts with jobs, the most that are read`;
          throw new BackupDamagedError(manifestPath(source.directory), 'ChainTooLarge', what);
        }
        this.#append({ ...entry, queue: found.position, point, number });
      }
    }
  }

  /** Those of a queue, from the newest point to the oldest, and of each from the last to the first. */
  *jobsOf(name: string): Generator<PartPlace> {
    const { position, queue } = this.#queues.get(name)!;
    for (let at = 0; at < this.#count * ROW_BYTES; at += ROW_BYTES) {
      if (this.#rows.readUInt32LE(at) !== position) continue;
      const { point, number, ...entry } = this.#read(at);
      const { source, isIncrement } = this.#points[point]!;
      yield { source, queue, number, entry: { ...entry, holds: isIncrement ? 'jobs' : undefined } };
    }
  }

  #append(row: Row): void {
    const at = this.#count * ROW_BYTES;
    if (at === this.#rows.length) this.#rows = Buffer.concat([this.#rows, Buffer.alloc(this.#rows.length)]);
    for (const [index, field] of NUMBERS.entries()) this.#rows.writeUInt32LE(row[field], at + 4 * index);
    this.#rows.write(row.sha256, at + HASH_OFFSET, 'hex');
    this.#count += 1;
  }

  #read(at: number): Row {
    const numbers = NUMBERS.map((field, index) => [field, this.#rows.readUInt32LE(at + 4 * index)]);
    const sha256 = this.#rows.toString('hex', at + HASH_OFFSET, at + ROW_BYTES);
    return { ...(Object.fromEntries(numbers) as Omit<Row, 'sha256'>), sha256 };
  }
}
