import { RecordTooLargeError } from '../errors/record-too-large-error.ts';
import { partPath, queueDirectory } from '../manifest/layout.ts';
import { hashOfParts } from '../manifest/manifest-text.ts';
import type { QueueEntry } from '../manifest/schema.ts';
import { LineBuffer } from '../parts/line-buffer.ts';
import { MAX_PART_BYTES } from '../parts/part-limits.ts';
import type { PartEntry } from '../parts/part.ts';
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
  #begun = 0;
  #buffer: Buffer | undefined;
  #lines: LineBuffer | undefined;
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
      const line = JSON.stringify(record);
      if (this.#current().append(line)) continue;
      await this.#endPart();
      if (this.#current().append(line)) continue;
      await this.#writeAlone(record, line);
    }
  }

  /**
   * Ends the queue, and waits until its parts are stored.
   * @param about what is known of the queue beside its records; stands in the manifest.
   */
  async close(about: Readonly<Record<string, unknown>> = {}): Promise<QueueSummary> {
    await this.#endPart();
    if (this.#buffer) this.#context.pipeline.giveBuffer(this.#buffer);
    this.#buffer = this.#lines = undefined;
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

  #current(): LineBuffer {
    this.#buffer ??= this.#context.pipeline.takeBuffer();
    this.#lines ??= new LineBuffer(this.#buffer);
    return this.#lines;
  }

  /** Has the lines so far stored as a part, if there are any. */
  async #endPart(): Promise<void> {
    const [buffer, lines] = [this.#buffer, this.#lines];
    if (!buffer || !lines || lines.lines === 0) return;
    this.#buffer = this.#lines = undefined;
    await this.#store(lines.bytes, lines.lines, () => this.#context.pipeline.giveBuffer(buffer));
  }

  /** A record that is longer than a part usually is. */
  async #writeAlone(record: { readonly kind: string }, line: string): Promise<void> {
    const tooLarge = line.length >= MAX_PART_BYTES || Buffer.byteLength(line) >= MAX_PART_BYTES;
    if (tooLarge) throw new RecordTooLargeError(this.#name, record, MAX_PART_BYTES);
    await this.#store(Buffer.from(`${line}\n`), 1, () => undefined);
  }

  async #store(lines: Buffer, records: number, release: () => void): Promise<void> {
    this.#context.countPart();
    this.#begun += 1;
    const number = this.#begun;
    const { storage, directory, backupId, keys, random, pipeline } = this.#context;
    const identity = { backupId, queue: this.#name, number, records };
    await pipeline.begin(async (signal) => {
      const { chunks, ...entry } = await sealPart(lines, identity, keys?.parts, random);
      release();
      await storage.put(partPath(directory, { directory: this.#directory }, number), bodyOf(...chunks), { signal });
      this.#parts[number - 1] = entry;
    });
  }
}
