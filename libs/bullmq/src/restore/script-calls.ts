import type { ScriptArgument, ScriptCall } from '../redis/scripts.ts';
import type { IndexEntry } from '../snapshot/records.ts';
import { bytesOf, type JobPart, type RestoredJob } from './restored-job.ts';

/** One call takes less than a millisecond of Redis. */
const JOBS_PER_CALL = 50;
const BYTES_PER_CALL = 256 * 1024;
/** Of what lies beside a job: texts of one call. */
const TEXTS_PER_CALL = 1_000;
/** Index entries of one call. */
const ENTRIES_PER_CALL = 500;
/** One pipeline. A job that is larger is in one of its own. */
const JOBS_PER_PIPELINE = 200;
const BYTES_PER_PIPELINE = 4 * 1024 * 1024;

/** The calls of one pipeline. */
export interface Pipeline {
  readonly calls: readonly ScriptCall[];
  readonly jobs: number;
}

/** How calls are made of jobs and of what lies beside them. */
export interface CallShapes {
  jobs(jobs: readonly RestoredJob[]): ScriptCall;
  /** @param from number of texts of the part before these, in units that belong together; `size` of all. */
  part(id: string, part: JobPart, texts: readonly ScriptArgument[], from: number, size: number): ScriptCall;
}

/**
 * Puts jobs together to script calls, and calls to pipelines, in their order and in bounded sizes. Pure: what is full is
 * given back, to be sent.
 */
export class CallBatcher {
  readonly #shapes: CallShapes;
  /** By their ids: one call does not have the same job twice. */
  #jobs = new Map<string, RestoredJob>();
  #jobBytes = 0;
  #calls: ScriptCall[] = [];
  #callBytes = 0;
  #count = 0;

  constructor(shapes: CallShapes) {
    this.#shapes = shapes;
  }

  /** @returns what is full and has to be sent before more is added. */
  *addJob(job: RestoredJob): Generator<Pipeline> {
    const bytes = bytesOf(job.hash);
    if (this.#jobs.has(job.id) || this.#jobBytes + bytes > BYTES_PER_CALL) yield* this.#closeCall();
    this.#jobs.set(job.id, job);
    this.#jobBytes += bytes;
    if (job.parts.length > 0 || this.#jobs.size >= JOBS_PER_CALL) yield* this.#closeCall();
    for (const part of job.parts) {
      const size = part.texts.length / part.width;
      for (const { texts, from } of chunksOf(part))
        yield* this.#addCall(this.#shapes.part(job.id, part, texts, from, size), bytesOf(texts));
    }
  }

  *addCall(call: ScriptCall): Generator<Pipeline> {
    yield* this.#closeCall();
    yield* this.#addCall(call, bytesOf(call.args));
  }

  /** The rest. */
  *end(): Generator<Pipeline> {
    yield* this.#closeCall();
    yield* this.#closePipeline();
  }

  *#closeCall(): Generator<Pipeline> {
    if (this.#jobs.size === 0) return;
    const [jobs, bytes] = [[...this.#jobs.values()], this.#jobBytes];
    [this.#jobs, this.#jobBytes] = [new Map(), 0];
    yield* this.#addCall(this.#shapes.jobs(jobs), bytes, jobs.length);
  }

  *#addCall(call: ScriptCall, bytes: number, jobs = 0): Generator<Pipeline> {
    const isFull = this.#callBytes + bytes > BYTES_PER_PIPELINE || this.#count + jobs > JOBS_PER_PIPELINE;
    if (isFull || this.#calls.length >= JOBS_PER_PIPELINE) yield* this.#closePipeline();
    this.#calls.push(call);
    this.#callBytes += bytes;
    this.#count += jobs;
  }

  *#closePipeline(): Generator<Pipeline> {
    if (this.#calls.length === 0) return;
    const pipeline = { calls: this.#calls, jobs: this.#count };
    [this.#calls, this.#callBytes, this.#count] = [[], 0, 0];
    yield pipeline;
  }
}

/** The texts of a part in pieces for one call each. */
function* chunksOf({ texts, width }: JobPart): Generator<{ texts: readonly ScriptArgument[]; from: number }> {
  let [first, bytes] = [0, 0];
  for (let at = 0; at < texts.length; at += width) {
    const next = bytesOf(texts.slice(at, at + width));
    if (at > first && (at - first >= TEXTS_PER_CALL || bytes + next > BYTES_PER_CALL)) {
      yield { texts: texts.slice(first, at), from: first / width };
      [first, bytes] = [at, 0];
    }
    bytes += next;
  }
  yield { texts: texts.slice(first), from: first / width };
}

/** Index entries in pieces for one call each: ids, each with its score; of a list with an empty one. */
export function* entryChunks(entries: readonly IndexEntry[]): Generator<ScriptArgument[]> {
  for (let from = 0; from < entries.length; from += ENTRIES_PER_CALL)
    yield entries.slice(from, from + ENTRIES_PER_CALL).flatMap(([id, score]) => [id, score ?? '']);
}

/** Jobs as the scripts take them: of each some numbers, then its hash. */
export function jobArguments(
  jobs: readonly RestoredJob[],
  numbers: (job: RestoredJob) => readonly number[],
): ScriptArgument[] {
  const args: ScriptArgument[] = [];
  for (const job of jobs) {
    args.push(job.id, ...numbers(job), job.hash.length);
    for (const text of job.hash) args.push(text);
  }
  return args;
}
