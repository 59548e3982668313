import type { Manifest, QueueEntry } from '../manifest/schema.ts';
import type { JsonRecord } from '../parts/lines.ts';
import type { Storage } from '../storage/storage.ts';
import { ChainIndex } from './chain-index.ts';
import { checkObjects } from './check-objects.ts';
import { mergeRecords, recordsHeldBy, type RecordBatch } from './merge-records.ts';
import { placesOf, readManifests, type CheckedManifest, type OpenOptions } from './read-chain.ts';
import { readParts, recordsIn, type PartPlace } from './read-parts.ts';

/**
 * Opens the backup in a directory: its manifest is checked, and that exactly the parts that it names are there. Of an
 * increment the manifests of all points of its chain are checked, and the parts of the older ones as they are read.
 *
 * @throws {BackupDamagedError}, {BackupKeyError}, {BackupVersionError}; {StorageError}.
 */
export async function openBackup(storage: Storage, directory: string, options: OpenOptions): Promise<OpenBackup> {
  let newest: CheckedManifest | undefined;
  let chain: ChainIndex | undefined;
  for await (const point of readManifests(storage, directory, options)) {
    newest ??= point;
    if (newest.manifest.previous) (chain ??= new ChainIndex(newest.manifest.queues)).add(point);
  }
  await checkObjects(storage, newest!, options);
  return new OpenBackup(storage, newest!, chain, options);
}

/** What all points of a chain have together, the full backup included. */
export interface ChainTotals {
  readonly points: number;
  readonly parts: number;
  readonly records: number;
  readonly storedBytes: number;
}

/** A backup whose manifest is as it was written. Its parts are checked one by one, as they are read. */
export class OpenBackup {
  readonly manifest: Manifest;
  readonly manifestSha256: string;
  readonly #storage: Storage;
  readonly #newest: CheckedManifest;
  /** Absent: a full backup. */
  readonly #chain: ChainIndex | undefined;
  readonly #options: OpenOptions;

  constructor(storage: Storage, newest: CheckedManifest, chain: ChainIndex | undefined, options: OpenOptions) {
    this.manifest = newest.manifest;
    this.manifestSha256 = newest.sha256;
    this.#storage = storage;
    this.#newest = newest;
    this.#chain = chain;
    this.#options = options;
  }

  /** Reads and checks every part, of all points of its chain; of an increment also that no job is missing. */
  async verify(): Promise<ChainTotals> {
    let [points, parts, records, storedBytes] = [0, 0, 0, 0];
    const options = { ...this.#options, manifestSha256: this.manifestSha256 };
    for await (const point of readManifests(this.#storage, this.#newest.source.directory, options)) {
      await checkObjects(this.#storage, point, options);
      points += 1;
      for await (const part of readParts(this.#storage, placesOf(point), options)) {
        // oxlint-disable-next-line no-unused-vars -- reading them checks that they are of the right kinds
        if (part.entry.holds) for (const _ of recordsHeldBy(part));
        parts += 1;
        records += part.entry.records;
        storedBytes += part.entry.storedBytes;
      }
    }
    // oxlint-disable-next-line no-unused-vars -- reading them counts them
    if (this.#chain) for (const { name } of this.manifest.queues) for await (const _ of this.records(name));
    return { points, parts, records, storedBytes };
  }

  /**
   * The records of a queue. Those of a full backup come in order; an increment gives what a full backup would have, merged
   * from all points of its chain.
   *
   * @param fromStep to begin with the records of that step.
   */
  async *records(queueName: string, { fromStep = 1 } = {}): AsyncGenerator<RecordBatch> {
    const queue = this.#queue(queueName);
    const { signal } = this.#options;
    const places = this.#placesOf(queue);
    if (this.#chain) {
      const rest = places.filter(({ entry }) => entry.holds === 'rest');
      const jobs = this.#chain.jobsOf(queueName);
      yield* mergeRecords(this.#storage, { name: queueName, rest, jobs }, { signal, fromStep });
      return;
    }
    let step = fromStep - 1;
    for await (const part of readParts(this.#storage, places.slice(step), { signal })) {
      step += 1;
      for (const records of recordsIn(part)) yield { step, records };
    }
  }

  /** The same as lines of JSON, many at once. */
  async *lines(queueName: string): AsyncGenerator<Uint8Array> {
    if (this.#chain) {
      for await (const { records } of this.records(queueName)) yield Buffer.from(records.map(lineOf).join(''));
      return;
    }
    const places = this.#placesOf(this.#queue(queueName));
    for await (const { lines } of readParts(this.#storage, places, this.#options)) yield lines;
  }

  #queue(queueName: string): QueueEntry {
    const queue = this.manifest.queues.find(({ name }) => name === queueName);
    if (!queue) throw new RangeError(`the backup has no queue ${queueName}`);
    return queue;
  }

  #placesOf({ name }: QueueEntry): PartPlace[] {
    return placesOf(this.#newest).filter(({ queue }) => queue.name === name);
  }
}

function lineOf(record: JsonRecord): string {
  return `${JSON.stringify(record)}\n`;
}
