import { RecordTooLargeError } from '../errors/record-too-large-error.ts';
import { partPath, queueDirectory } from '../manifest/layout.ts';
import { hashOfParts } from '../manifest/manifest-text.ts';
import type { QueueEntry } from '../manifest/schema.ts';
import { fitsAsJson } from '../parts/json-size.ts';
import { countValues } from '../parts/json-values.ts';
import { LineBuffer } from '../parts/line-buffer.ts';
import { MAX_LINE_VALUES, MAX_PART_BYTES } from '../parts/part-limits.ts';
import type { Holds, PartEntry } from '../parts/part.ts';
import { sealPart } from '../parts/seal-part.ts';
import { bodyOf } from './body.ts';
import type { WriteContext } from './write-context.ts';

export interface QueueSummary {
  readonly parts: number;
  readonly records: number;
  /** Of the records as lines of JSON. */
  readonly bytes: number;
  readonly storedBytes: number;
  /** Over all parts. */
  readonly sha256: string;
}

/** Writes the records of one queue into parts. */
export class QueueWriter {
  readonly #context: WriteContext;
  readonly #name: string;
  readonly #directory: string;
  readonly #parts: PartEntry[] = [];
  /** Lines for the next part of each sort; in a full backup there is one. */
  readonly #open = new Map<Holds | undefined, { readonly buffer: Buffer; readonly lines: LineBuffer }>();
  #begun = 0;
  #entry: QueueEntry | undefined;

  constructor(context: WriteContext, name: string) {
    this.#context = context;
    this.#name = name;
    this.#directory = queueDirectory(name);
  }

  /** What the manifest says of the queue; undefined before it is closed. */
  get entry(): QueueEntry | undefined {
    return this.#entry;
  }

  get name(): string {
    return this.#name;
  }

  /**
   * Adds records, one call after the other. Settles when the next ones may come: soon, or once a part on its way is
   * stored, as a bounded number are.
   *
   * @throws {RecordTooLargeError}, {BackupTooLargeError}; {StorageError} also for a part that an earlier call began.
   */
  async write(records: readonly { readonly kind: string }[]): Promise<void> {
    if (this.#entry) throw new Error(`queue ${this.#name} of the backup is closed`);
    this.#context.pipeline.throwIfFailed();
    for (const record of records) {
      if (!fitsAsJson(record, MAX_PART_BYTES)) throw this.#tooLarge(record);
      const line = JSON.stringify(record);
      const holds = this.#context.isIncrement ? holdsOf(record) : undefined;
      if (this.#linesOf(holds).append(line)) continue;
      await this.#endPart(holds);
      if (this.#linesOf(holds).append(line)) continue;
      await this.#writeAlone(record, line, holds);
    }
  }

  /**
   * Ends the queue, and waits until its parts are stored.
   * @param about what is known of the queue beside its records; stands in the manifest.
   */
  async close(about: Readonly<Record<string, unknown>> = {}): Promise<QueueSummary> {
    for (const holds of this.#open.keys()) await this.#endPart(holds);
    await this.#context.pipeline.settled();
    const sum = (field: 'records' | 'bytes' | 'storedBytes'): number =>
      this.#parts.reduce((total, part) => total + part[field], 0);
    this.#entry = {
      name: this.#name,
      directory: this.#directory,
      about,
      records: sum('records'),
      bytes: sum('bytes'),
      storedBytes: sum('storedBytes'),
      sha256: hashOfParts(this.#parts),
      parts: this.#parts,
    };
    const { records, bytes, storedBytes, sha256 } = this.#entry;
    return { parts: this.#parts.length, records, bytes, storedBytes, sha256 };
  }

  /**
   * Takes the queue out of the backup again: a reader refuses parts that the manifest does not name.
   * @param beforeRemove is called before each part; what it throws ends the removal.
   */
  async discard(beforeRemove: () => void): Promise<void> {
    const { pipeline, storage, directory, signal } = this.#context;
    for (const { buffer } of this.#open.values()) pipeline.giveBuffer(buffer);
    this.#open.clear();
    await pipeline.settled();
    for (let number = 1; number <= this.#begun; number += 1) {
      beforeRemove();
      await storage.remove(partPath(directory, { directory: this.#directory }, number), { signal });
    }
  }

  #linesOf(holds: Holds | undefined): LineBuffer {
    const open = this.#open.get(holds);
    if (open) return open.lines;
    const buffer = this.#context.pipeline.takeBuffer();
    const lines = new LineBuffer(buffer);
    this.#open.set(holds, { buffer, lines });
    return lines;
  }

  /** Has the lines so far stored as a part, if there are any. */
  async #endPart(holds: Holds | undefined): Promise<void> {
    const { buffer, lines } = this.#open.get(holds)!;
    this.#open.delete(holds);
    const release = (): void => this.#context.pipeline.giveBuffer(buffer);
    if (lines.lines === 0) release();
    else await this.#store(lines.bytes, { records: lines.lines, holds }, release);
  }

  /** A record that is longer than a part usually is. */
  async #writeAlone(record: { readonly kind: string }, line: string, holds: Holds | undefined): Promise<void> {
    const bytes = Buffer.from(`${line}\n`);
    if (bytes.length > MAX_PART_BYTES || countValues(bytes) > MAX_LINE_VALUES) throw this.#tooLarge(record);
    await this.#store(bytes, { records: 1, holds }, () => undefined);
  }

  #tooLarge(record: { readonly kind: string }): RecordTooLargeError {
    return new RecordTooLargeError(this.#name, record, { bytes: MAX_PART_BYTES, values: MAX_LINE_VALUES });
  }

  async #store(
    lines: Buffer,
    { records, holds }: Pick<PartEntry, 'records' | 'holds'>,
    release: () => void,
  ): Promise<void> {
    this.#context.countPart();
    this.#begun += 1;
    const number = this.#begun;
    const { storage, directory, backupId, keys, random, pipeline } = this.#context;
    const identity = { backupId, queue: this.#name, number, records };
    await pipeline.begin(async (signal) => {
      const { chunks, ...entry } = await sealPart(lines, identity, keys?.parts, random);
      release();
      await storage.put(partPath(directory, { directory: this.#directory }, number), bodyOf(...chunks), { signal });
      this.#parts[number - 1] = { ...entry, ...(holds && { holds }) };
    });
  }
}

/** By which a reader of older points knows which parts it needs. */
function holdsOf({ kind }: { readonly kind: string }): Holds {
  return kind === 'job' ? 'jobs' : 'rest';
}
