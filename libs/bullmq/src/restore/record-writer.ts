import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runScript, runScripts, type ScriptArgument, type ScriptCall, type ScriptName } from '../redis/scripts.ts';
import type { QueueRecord, RecordOf, State } from '../snapshot/records.ts';
import { renameWith, type OpenFlows, type Rename } from './flow-links.ts';
import { RESTORE_FIELD, RestoreLostError } from '../ownership/restore-mark.ts';
import { argumentOf, isJobId, numberOf, restoredJob } from './restored-job.ts';
import { CallBatcher, entryChunks, jobArguments, type Pipeline } from './script-calls.ts';
import { untilAborted } from './until-aborted.ts';

export interface RecordWriterOptions {
  /** The queue as the backup names it. */
  readonly from: QueueRef;
  readonly restoreId: string;
  /** Where the other queues of the backup go; absent: none of them is restored. */
  readonly rename?: Rename | undefined;
  readonly openFlows: OpenFlows;
  readonly signal: AbortSignal;
  /** At most; absent: as fast as Redis takes them. */
  readonly jobsPerSecond?: number | undefined;
  /** Absent: the clock of this process. */
  readonly pace?: Pace | undefined;
}

/** The clock by which a rate is held, and how to wait. */
export interface Pace {
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

const REAL_PACE: Pace = {
  now: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};

export interface RestoreSummary {
  /** In their places, by the state that they had: those that were active wait, before all others. */
  readonly jobs: Readonly<Record<State, number>>;
  /** Index entries whose job is not in the backup, because it was removed while it was made. */
  readonly gone: number;
  /**
   * Jobs of the backup that were left out: producers have added others of the same id since the restore began, or the id
   * is the name of a key of the queue.
   */
  readonly skipped: number;
  /** Jobs that wait for their job scheduler, which comes when the queue is resumed. */
  readonly held: number;
}

/** Jobs that one call puts in their places: about 3.5 ms of Redis' time. */
const PLACED_PER_CALL = 1_000;

/**
 * Writes the records of one queue into a queue that `beginRestore` has taken. Nothing that workers read changes before
 * `finish`, so a restore may be interrupted anywhere, and repeated from any part that it has not noted as done: the end is
 * the same. Each step is fenced by the restore's mark; a second writer of the same restore takes over from the first.
 *
 * Holds a few hundred jobs in memory, and of large ones one.
 */
export class RecordWriter {
  readonly #redis: Redis;
  readonly #target: QueueRef;
  readonly #options: RecordWriterOptions;
  readonly #rename: Rename;
  readonly #batcher: CallBatcher;
  /** Number of this writer, once it has taken over. */
  #writer: string | undefined;
  /** Everything is in its place already, by an earlier run: what is written again does nothing. */
  #isClosed = false;
  #readyAtMs = 0;
  #underWay: Promise<void> | undefined;

  constructor(redis: Redis, target: QueueRef, options: RecordWriterOptions) {
    this.#redis = redis;
    this.#target = target;
    this.#options = options;
    this.#rename = renameWith(options.from, target, options.rename);
    this.#batcher = new CallBatcher({
      jobs: (jobs) => {
        const greatest = jobs.reduce((most, { id }) => Math.max(most, numberOf(id)), 0);
        return this.#call('restoreJobs', [greatest, ...jobArguments(jobs, () => [])]);
      },
      part: (id, { name }, texts, from) => this.#call('restoreJobPart', [id, name, from, ...texts]),
    });
  }

  /**
   * Idempotent. When it resolves, the records are in Redis.
   *
   * @throws RestoreLostError; OpenFlowError with `Refuse`; the reason of the signal; what ioredis throws, see
   * `classifyRedisError`: then the same records may be written again.
   */
  async write(records: readonly QueueRecord[]): Promise<void> {
    await this.#open();
    if (this.#isClosed) return;
    for (const record of records) {
      // oxlint-disable-next-line no-await-in-loop -- one pipeline after the other is the bound on memory
      for (const pipeline of this.#add(record)) await this.#send(pipeline);
    }
    // oxlint-disable-next-line no-await-in-loop
    for (const pipeline of this.#batcher.end()) await this.#send(pipeline);
    await this.#answered();
  }

  /** Notes that all records up to and with `part` of the backup were written; `beginRestore` gives it to who goes on. */
  async noteProgress(part: number): Promise<void> {
    await this.#open();
    await this.#send({ calls: [this.#call('noteRestoredParts', [part])], jobs: 0 });
    await this.#answered();
  }

  /**
   * Puts what was written in its place. The queue is still paused.
   *
   * @throws as `write`: then it may be called again.
   */
  async finish(): Promise<RestoreSummary> {
    await this.#open();
    for (;;) {
      const { keys, args } = this.#call('placeRestored', [PLACED_PER_CALL]);
      // oxlint-disable-next-line no-await-in-loop -- in turn is the point
      const reply = await untilAborted(this.#options.signal, runScript(this.#redis, 'placeRestored', keys, args));
      const [outcome, ...counts] = Array.isArray(reply) ? (reply as unknown[]) : [];
      if (outcome === 'lost') throw this.#lost();
      if (outcome === 'done') return summaryOf(counts);
      if (outcome !== 'more') throw new UnexpectedReplyError('the outcome of a restore');
    }
  }

  *#add(record: QueueRecord): Generator<Pipeline> {
    switch (record.kind) {
      case 'queue':
        yield* this.#addQueue(record);
        break;
      case 'job':
        if (!isJobId(record.id)) yield* this.#batcher.addCall(this.#call('restoreExtras', ['skipped', record.id]));
        else yield* this.#batcher.addJob(restoredJob(record, this.#rename, this.#options.openFlows));
        break;
      case 'index':
        for (const entries of entryChunks(record.entries.filter(([id]) => isJobId(id))))
          yield* this.#batcher.addCall(this.#call('restoreIndex', [record.state, ...entries]));
        break;
      case 'scheduler':
        yield* this.#batcher.addCall(
          this.#call('restoreExtras', ['scheduler', record.id, record.nextMs, JSON.stringify(record.hash)]),
        );
        break;
      case 'deduplication': {
        const next = Object.entries(record.next ?? {}).flatMap(([field, value]) => [field, argumentOf(value)]);
        yield* this.#batcher.addCall(
          this.#call('restoreExtras', ['deduplication', record.id, record.jobId, record.ttlMs ?? -1, ...next]),
        );
        break;
      }
      case 'end':
        break;
    }
  }

  *#addQueue({ meta, lastId, priorityCounter, snapshotAt }: RecordOf<'queue'>): Generator<Pipeline> {
    const fields = Object.entries(meta).filter(([field]) => field !== 'paused' && !field.startsWith('redis-queue:'));
    yield* this.#batcher.addCall(
      this.#call('restoreQueue', [
        numberOf(lastId ?? ''),
        numberOf(priorityCounter ?? ''),
        snapshotAt,
        meta['paused'] === undefined ? 0 : 1,
        ...fields.flatMap(([field, value]) => [field, argumentOf(value)]),
      ]),
    );
  }

  #call(name: ScriptName, args: readonly ScriptArgument[]): ScriptCall {
    const fence = [RESTORE_FIELD, this.#options.restoreId, this.#writer ?? ''];
    return { name, keys: [queueKey(this.#target, 'meta')], args: [...fence, ...args] };
  }

  async #open(): Promise<void> {
    const { restoreId, signal } = this.#options;
    signal.throwIfAborted();
    if (this.#writer !== undefined) return;
    const args = [RESTORE_FIELD, restoreId];
    const reply = await untilAborted(
      signal,
      runScript(this.#redis, 'openRestore', [queueKey(this.#target, 'meta')], args),
    );
    const [writer, phase] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (typeof writer !== 'string') throw this.#lost();
    this.#writer = writer;
    this.#isClosed = phase !== 'filling';
  }

  /** Sends one after the other; while Redis is at one, the next is made. */
  async #send(pipeline: Pipeline): Promise<void> {
    await this.#answered();
    this.#options.signal.throwIfAborted();
    await this.#keepPace(pipeline.jobs);
    this.#underWay = this.#run(pipeline);
    // Heard by who waits for it next.
    this.#underWay.catch(() => {});
  }

  /** @throws what the pipeline that is under way has failed by, once. */
  async #answered(): Promise<void> {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    await underWay;
  }

  async #run({ calls }: Pipeline): Promise<void> {
    const replies = await untilAborted(this.#options.signal, runScripts(this.#redis, calls, { write: true }));
    for (const reply of replies) {
      const outcome: unknown = Array.isArray(reply) ? reply[0] : reply;
      if (outcome === 'lost') throw this.#lost();
      if (outcome === 'closed') this.#isClosed = true;
      else if (outcome !== 'done') throw new UnexpectedReplyError('the outcome of a write');
    }
  }

  async #keepPace(jobs: number): Promise<void> {
    const { jobsPerSecond, pace = REAL_PACE, signal } = this.#options;
    if (!jobsPerSecond) return;
    const now = pace.now();
    const waitMs = this.#readyAtMs - now;
    this.#readyAtMs = Math.max(now, this.#readyAtMs) + (jobs * 1_000) / jobsPerSecond;
    if (waitMs > 0) await pace.sleep(waitMs, signal);
  }

  #lost(): RestoreLostError {
    return new RestoreLostError(queueId(this.#target), this.#options.restoreId);
  }
}

function summaryOf([skipped, gone, held, ...states]: readonly unknown[]): RestoreSummary {
  const jobs = { waiting: 0, active: 0, delayed: 0, prioritized: 0, 'waiting-children': 0, completed: 0, failed: 0 };
  for (let at = 0; at < states.length; at += 2) jobs[states[at] as State] = Number(states[at + 1]);
  return { jobs, gone: Number(gone), skipped: Number(skipped), held: Number(held) };
}
