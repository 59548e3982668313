import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { lognormal, seededRandom, workload, type Workload } from '@redis-queue/simulator';

/** Service times for traces that have none: web-like work, log-normal. */
const MEAN_SERVICE_MS = 2_000;
const SERVICE_VARIATION = 1.5;

/** The two forms of a trace: jobs counted in the interval that starts at `t_s`, or one row per job. */
const COUNTS = 't_s,arrivals';
const JOBS = 't_s,service_ms';

/**
 * Every `*.csv` of a folder as a workload, in the order of their names.
 *
 * @throws when the folder cannot be read or has no trace, and for the first bad line of a trace, naming file, line and
 * reason.
 */
export function readTraces(folder: string, seed: number): Workload[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.csv'));
  if (files.length === 0) throw new Error(`${folder} has no *.csv: a trace has the header "${COUNTS}" or "${JOBS}"`);
  return files.toSorted().map((file) => parseTrace(file, readFileSync(join(folder, file), 'utf8'), seed));
}

/** A trace's text as a workload; see `readTraces`. Service times that it does not have are drawn from the seed. */
export function parseTrace(file: string, text: string, seed: number): Workload {
  const [header = '', ...lines] = text.split(/\r?\n/);
  const form = header.replace(/^\uFEFF/, '').trim();
  if (form !== COUNTS && form !== JOBS)
    throw new Error(`${file}:1: the header is "${form}", and must be "${COUNTS}" or "${JOBS}"`);
  const rows = parseRows(file, lines, form === COUNTS);
  const name = basename(file, '.csv');
  return form === COUNTS ? fromCounts(name, rows, seed) : fromJobs(name, rows);
}

interface Rows {
  readonly atMs: Float64Array;
  readonly values: Float64Array;
}

function parseRows(file: string, lines: readonly string[], whole: boolean): Rows {
  const atMs: number[] = [];
  const values: number[] = [];
  lines.forEach((line, index) => {
    if (line.trim() === '') return;
    const where = `${file}:${index + 2}`;
    const cells = line.split(',');
    if (cells.length !== 2) throw new Error(`${where}: "${line}" has ${cells.length} columns instead of 2`);
    const [seconds, value] = cells.map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell))) as [number, number];
    if (!(seconds >= 0 && seconds < Infinity))
      throw new Error(`${where}: t_s is "${cells[0]}", and must be seconds from 0 on`);
    if (!(value >= 0 && value < Infinity) || (whole && !Number.isInteger(value)))
      throw new Error(`${where}: "${cells[1]}" is not a ${whole ? 'whole number' : 'number'} from 0 on`);
    if (seconds * 1_000 < (atMs.at(-1) ?? 0)) throw new Error(`${where}: t_s goes back, and must ascend`);
    atMs.push(seconds * 1_000);
    values.push(value);
  });
  if (atMs.length === 0) throw new Error(`${file}: has no rows after its header`);
  return { atMs: Float64Array.from(atMs), values: Float64Array.from(values) };
}

function fromJobs(name: string, { atMs, values }: Rows): Workload {
  return { name, durationMs: atMs.at(-1)! + 1_000, addedMs: atMs, serviceMs: values.map((ms) => Math.max(1, ms)) };
}

/** Within its interval each job comes at a random time. The last interval is as long as the one before. */
function fromCounts(name: string, { atMs, values }: Rows, seed: number): Workload {
  const random = seededRandom(seed);
  const last = atMs.length - 1;
  const durationMs = atMs[last]! + (last > 0 ? atMs[last]! - atMs[last - 1]! : 1_000);
  const addedMs = new Float64Array(values.reduce((sum, jobs) => sum + jobs, 0));
  let job = 0;
  values.forEach((jobs, row) => {
    const toMs = atMs[row + 1] ?? durationMs;
    for (let n = 0; n < jobs; n++) addedMs[job++] = atMs[row]! + random() * (toMs - atMs[row]!);
  });
  const service = lognormal(MEAN_SERVICE_MS, SERVICE_VARIATION);
  return workload({ name, durationMs, seed, service }, addedMs.toSorted());
}
