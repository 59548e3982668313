import type { BackupKeys } from '../encryption/data-key.ts';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { partPath } from '../manifest/layout.ts';
import { readObject } from '../manifest/read-object.ts';
import type { Manifest, QueueEntry } from '../manifest/schema.ts';
import { openPart } from '../parts/open-part.ts';
import { ObjectNotFoundError, type Storage } from '../storage/storage.ts';

/** The part of a backup that is read. */
export interface PartPlace {
  readonly queue: QueueEntry;
  /** From 1. */
  readonly number: number;
}

/** A part whose lines are as they were written. */
export interface CheckedPart extends PartPlace {
  readonly path: string;
  readonly lines: Buffer;
}

/** Reads parts of one backup, and gives out none before it was checked against the manifest. */
export class BackupParts {
  readonly #storage: Storage;
  readonly #directory: string;
  readonly #manifest: Manifest;
  readonly #keys: BackupKeys | undefined;
  readonly #signal: AbortSignal;

  constructor(
    storage: Storage,
    directory: string,
    manifest: Manifest,
    keys: BackupKeys | undefined,
    signal: AbortSignal,
  ) {
    this.#storage = storage;
    this.#directory = directory;
    this.#manifest = manifest;
    this.#keys = keys;
    this.#signal = signal;
  }

  /** In order. While the caller works on one, the next is read: two at most are in memory. */
  async *inOrder(places: readonly PartPlace[]): AsyncGenerator<CheckedPart> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#signal, ended.signal]);
    const begin = (place: PartPlace | undefined): Promise<CheckedPart> | undefined => {
      const reading = place && this.#read(place, signal);
      reading?.catch(() => undefined); // is thrown where it is awaited, if it still is
      return reading;
    };
    let next = begin(places[0]);
    try {
      for (const index of places.keys()) {
        const part = await next!;
        next = begin(places[index + 1]);
        yield part;
      }
    } finally {
      ended.abort();
    }
  }

  async #read({ queue, number }: PartPlace, signal: AbortSignal): Promise<CheckedPart> {
    const path = partPath(this.#directory, queue, number);
    const entry = queue.parts[number - 1]!;
    const bytes = await readObject(this.#storage, path, entry.storedBytes, signal).catch((error: unknown) => {
      if (!(error instanceof ObjectNotFoundError)) throw error;
      throw new BackupDamagedError(path, 'PartMissing', 'does not exist, and the manifest names it', error);
    });
    const identity = { backupId: this.#manifest.backupId, queue: queue.name, number, records: entry.records };
    const lines = await openPart({ path, bytes, entry, identity }, this.#keys?.parts);
    return { queue, number, path, lines };
  }
}
