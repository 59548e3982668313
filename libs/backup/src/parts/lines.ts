import { countValues } from './json-values.ts';
import { MAX_LINE_VALUES } from './part-limits.ts';

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

/** Which records of a part are wanted, and in which order. */
export interface Selection {
  /** From the last line to the first one. */
  readonly lastFirst?: boolean;
  /** Whether the job of an id is wanted; absent: all are. Other records are. */
  readonly takesJob?: ((id: string) => boolean) | undefined;
}

/**
 * The records of whole lines, in batches, parsed as they are asked for. A batch may be empty where jobs are not wanted.
 * @throws when a line is no record.
 */
export function* recordsOf(
  bytes: Buffer,
  { lastFirst = false, takesJob }: Selection = {},
): Generator<readonly JsonRecord[]> {
  let batch: JsonRecord[] = [];
  let [lines, batchBytes] = [0, 0];
  for (const [from, end] of lastFirst ? linesBackwards(bytes) : linesForwards(bytes)) {
    // Parsed, values take many times what they have in the text.
    if (end - from > MAX_LINE_VALUES && countValues(bytes, from, end) > MAX_LINE_VALUES)
      throw new Error(`a line has more than ${MAX_LINE_VALUES} values`);
    const record = takesJob ? takenRecord(bytes, from, end, takesJob) : recordOf(bytes.toString('utf8', from, end));
    if (record) batch.push(record);
    lines += 1;
    batchBytes += end + 1 - from;
    if (lines < MAX_BATCH_RECORDS && batchBytes <= MAX_BATCH_BYTES) continue;
    yield batch;
    [batch, lines, batchBytes] = [[], 0, 0];
  }
  if (lines > 0) yield batch;
}

/** How our writers begin the record of a job. */
const JOB_BEGINNING = Buffer.from('{"kind":"job","id":"');
const [QUOTE, BACKSLASH] = [0x22, 0x5c];

/** @returns undefined for a job that is not wanted, of which as a rule nothing but the id is looked at. */
function takenRecord(
  bytes: Buffer,
  from: number,
  end: number,
  takesJob: (id: string) => boolean,
): JsonRecord | undefined {
  const plainId = plainJobId(bytes, from, end);
  if (plainId !== undefined && !takesJob(plainId)) return undefined;
  const record = recordOf(bytes.toString('utf8', from, end));
  const { kind, id } = record;
  if (plainId !== undefined) {
    if (kind !== 'job' || id !== plainId) throw new Error('a line has a field twice');
    return record;
  }
  if (kind !== 'job') return record;
  if (typeof id !== 'string') throw new Error('a job has no id');
  return takesJob(id) ? record : undefined;
}

/** The id of a job whose line begins as ours do, and has nothing escaped in the id; undefined for any other line. */
function plainJobId(bytes: Buffer, from: number, end: number): string | undefined {
  const idFrom = from + JOB_BEGINNING.length;
  if (idFrom >= end || JOB_BEGINNING.compare(bytes, from, idFrom) !== 0) return undefined;
  const idEnd = bytes.indexOf(QUOTE, idFrom);
  if (idEnd < 0 || idEnd >= end) return undefined;
  const escaped = bytes.subarray(idFrom, idEnd).includes(BACKSLASH);
  return escaped ? undefined : bytes.toString('utf8', idFrom, idEnd);
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
