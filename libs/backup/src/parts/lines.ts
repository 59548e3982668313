const NEWLINE = 0x0a;

/** A record of a backup as its reader gets it. */
export interface JsonRecord {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Limits of a batch: small enough that parsing it holds nothing up. */
const MAX_BATCH_RECORDS = 500;
const MAX_BATCH_BYTES = 256 * 1024;

/** How many lines end in `bytes`; undefined when the last one does not end. */
export function countLines(bytes: Buffer): number | undefined {
  if (bytes.length > 0 && bytes.at(-1) !== NEWLINE) return undefined;
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

/**
 * The records of whole lines, in batches, parsed as they are asked for.
 * @param lastFirst from the last line to the first one.
 * @throws when a line is no record.
 */
export function* recordsOf(bytes: Buffer, { lastFirst = false } = {}): Generator<readonly JsonRecord[]> {
  let batch: JsonRecord[] = [];
  let batchBytes = 0;
  for (const [from, end] of lastFirst ? linesBackwards(bytes) : linesForwards(bytes)) {
    batch.push(recordOf(bytes.toString('utf8', from, end)));
    batchBytes += end + 1 - from;
    if (batch.length < MAX_BATCH_RECORDS && batchBytes <= MAX_BATCH_BYTES) continue;
    yield batch;
    [batch, batchBytes] = [[], 0];
  }
  if (batch.length > 0) yield batch;
}

/** Where each line begins and ends. */
function* linesForwards(bytes: Buffer): Generator<readonly [from: number, end: number]> {
  for (let from = 0, end = bytes.indexOf(NEWLINE); end >= 0; from = end + 1, end = bytes.indexOf(NEWLINE, from))
    yield [from, end];
}

function* linesBackwards(bytes: Buffer): Generator<readonly [from: number, end: number]> {
  for (let end = bytes.length - 1; end >= 0;) {
    // A negative offset would count from the end.
    const before = end === 0 ? -1 : bytes.lastIndexOf(NEWLINE, end - 1);
    yield [before + 1, end];
    end = before;
  }
}

function recordOf(line: string): JsonRecord {
  const record = JSON.parse(line) as JsonRecord | null;
  if (typeof record?.kind !== 'string') throw new Error('a line is no object with a "kind"');
  return record;
}
