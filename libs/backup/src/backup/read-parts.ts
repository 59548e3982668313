import type { BackupKeys } from '../encryption/data-key.ts';
import { BackupDamagedError } from '../errors/backup-damaged-error.ts';
import { partPath } from '../manifest/layout.ts';
import { readObject } from '../manifest/read-object.ts';
import type { QueueEntry } from '../manifest/schema.ts';
import { recordsOf, type JsonRecord, type Selection } from '../parts/lines.ts';
import { openPart } from '../parts/open-part.ts';
import { PART_BYTES } from '../parts/part-limits.ts';
import type { PartEntry } from '../parts/part.ts';
import { ObjectNotFoundError, type Storage } from '../storage/storage.ts';

/** Where the parts of one backup lie, and what opens them. */
export interface PartSource {
  readonly directory: string;
  readonly backupId: string;
  /** Absent: they are not encrypted. */
  readonly keys: BackupKeys | undefined;
}

/** A part that is to be read. */
export interface PartPlace {
  readonly source: PartSource;
  readonly queue: Pick<QueueEntry, 'name' | 'directory'>;
  /** From 1. */
  readonly number: number;
  /** What the manifest says of it. */
  readonly entry: PartEntry;
}

/** A part whose lines are as they were written. */
export interface CheckedPart {
  readonly path: string;
  readonly entry: PartEntry;
  readonly lines: Buffer;
}

/** Small parts, as increments have them, are read while the caller works on one, so that each costs no round trip. */
const MAX_PARTS_AHEAD = 7;

/**
 * Reads parts in the order of `places`, and gives out none before it was checked against its manifest. While the caller
 * works on one, the next ones are read, as many as have the lines of one usual part together, or one that has more.
 */
export async function* readParts(
  storage: Storage,
  places: Iterable<PartPlace>,
  { signal: callerSignal }: { readonly signal: AbortSignal },
): AsyncGenerator<CheckedPart> {
  const ended = new AbortController();
  const signal = AbortSignal.any([callerSignal, ended.signal]);
  const remaining = places[Symbol.iterator]();
  const ahead: { readonly bytes: number; readonly reading: Promise<CheckedPart> }[] = [];
  let bytesAhead = 0;
  let next = remaining.next();
  const begin = (): void => {
    while (!next.done) {
      const { bytes } = next.value.entry;
      if (ahead.length > 0 && (ahead.length >= MAX_PARTS_AHEAD || bytesAhead + bytes > PART_BYTES)) return;
      const reading = readPart(storage, next.value, signal);
      reading.catch(() => undefined); // is thrown where it is awaited, if it still is
      ahead.push({ bytes, reading });
      bytesAhead += bytes;
      next = remaining.next();
    }
  };
  try {
    begin();
    for (let first = ahead.shift(); first; first = ahead.shift()) {
      const part = await first.reading;
      bytesAhead -= first.bytes;
      begin();
      yield part;
    }
  } finally {
    ended.abort();
  }
}

/**
 * The records of a part, in batches.
 * @throws {BackupDamagedError} when a line is no record.
 */
export function* recordsIn({ path, lines }: CheckedPart, selection: Selection = {}): Generator<readonly JsonRecord[]> {
  try {
    yield* recordsOf(lines, selection);
  } catch (cause) {
    throw new BackupDamagedError(path, 'PartNotReadable', 'has a line that is no record', cause);
  }
}

async function readPart(
  storage: Storage,
  { source, queue, number, entry }: PartPlace,
  signal: AbortSignal,
): Promise<CheckedPart> {
  const path = partPath(source.directory, queue, number);
  const bytes = await readObject(storage, path, entry.storedBytes, signal).catch((error: unknown) => {
    if (!(error instanceof ObjectNotFoundError)) throw error;
    throw new BackupDamagedError(path, 'PartMissing', 'does not exist, and the manifest names it', error);
  });
  const identity = { backupId: source.backupId, queue: queue.name, number, records: entry.records };
  const lines = await openPart({ path, bytes, entry, identity }, source.keys?.parts);
  return { path, entry, lines };
}
