import type { Redis } from 'ioredis';
import { queueId, queueKey, type QueueRef } from '../redis/keys.ts';
import { timeOf, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript, runScripts, type ScriptCall } from '../redis/scripts.ts';
import type { IndexEntry, QueueRecord, RecordOf } from '../snapshot/records.ts';
import { DifferenceList, type Differences } from './differences.ts';
import { renameWith, type OpenFlows, type Rename } from './flow-links.ts';
import { LineReader } from './line-reader.ts';
import { isJobId, numberOf, restoredJob } from './restored-job.ts';
import { CallBatcher, entryChunks, jobArguments } from './script-calls.ts';
import { exec } from './settle-flows.ts';

export interface VerifyOptions {
  /** As the restore's writer had them. */
  readonly rename?: Rename | undefined;
  readonly openFlows?: OpenFlows | undefined;
}

/**
 * Compares a queue, between `finish` and `completeRestore`, with the records of its backup: counters, every job with its
 * hash, logs and children, its state, score or place in line, and what is held back. What producers have added meanwhile
 * under the same ids stays as it is, and is no difference; nor is a delayed job that a worker has put in line. Reads only,
 * in bounded memory; the texts of jobs are compared in Redis, and none is sent back.
 *
 * @throws what `records` and ioredis throw; see `classifyRedisError`.
 */
export async function verifyRestore(
  redis: Redis,
  target: QueueRef,
  records: AsyncIterable<readonly QueueRecord[]>,
  { rename, openFlows = 'Detach' }: VerifyOptions = {},
): Promise<Differences> {
  const active = Number((await redis.hget(queueKey(target, 'restore:state'), 'placed:active')) ?? 0);
  const areSkipped = (await redis.scard(queueKey(target, 'restore:skipped'))) > 0;
  const verifier = new Verifier(redis, target, { rename, openFlows, active, areSkipped });
  for await (const page of records) for (const record of page) await verifier.add(record);
  return await verifier.end();
}

/** A deduplication that ends about now may be there or not. */
const NEARLY_OVER_MS = 2_000;
/** Ids of which one call asks whether they were left out. */
const SKIPPED_PER_CALL = 1_000;

class Verifier {
  readonly #redis: Redis;
  readonly #target: QueueRef;
  readonly #active: number;
  /** Whether jobs were left out: those that producers have added under their ids wait in other places. */
  readonly #areSkipped: boolean;
  #lines: Readonly<Record<'active' | 'waiting', LineReader>>;
  readonly #differences = new DifferenceList();
  readonly #rename: Rename | undefined;
  readonly #openFlows: OpenFlows;
  readonly #batcher: CallBatcher;
  #from: QueueRef;
  #snapshotAtMs = 0;
  #jobs = 0;

  constructor(
    redis: Redis,
    target: QueueRef,
    {
      rename,
      openFlows,
      active,
      areSkipped,
    }: { rename: Rename | undefined; openFlows: OpenFlows; active: number; areSkipped: boolean },
  ) {
    this.#redis = redis;
    this.#target = this.#from = target;
    this.#rename = rename;
    this.#openFlows = openFlows;
    this.#active = active;
    this.#areSkipped = areSkipped;
    this.#lines = this.#readLines(true);
    this.#batcher = new CallBatcher({
      jobs: (jobs) =>
        this.#call(
          'compareJobs',
          jobArguments(jobs, ({ fields }) => [fields]),
        ),
      part: (id, { name }, texts, from, size) => this.#call('compareJobPart', [id, name, from, size, ...texts]),
    });
  }

  async add(record: QueueRecord): Promise<void> {
    if (record.kind === 'queue') await this.#addQueue(record);
    else if (record.kind === 'job') await this.#addJob(record);
    else if (record.kind === 'index') await this.#addIndex(record);
    else if (record.kind === 'scheduler') await this.#addScheduler(record);
    else if (record.kind === 'deduplication') await this.#addDeduplication(record);
  }

  async end(): Promise<Differences> {
    for (const { calls } of this.#batcher.end()) await this.#compare(calls);
    return this.#differences.list(this.#jobs);
  }

  /** Those that ran stand before all others. */
  #readLines(isStrict: boolean): Readonly<Record<'active' | 'waiting', LineReader>> {
    const from = (skip: number): LineReader => new LineReader(this.#redis, this.#target, { skip, isStrict });
    return { active: from(0), waiting: from(this.#active) };
  }

  async #addQueue(record: RecordOf<'queue'>): Promise<void> {
    const { prefix, name, lastId, priorityCounter, snapshotAt, consistent } = record;
    this.#from = { prefix, name };
    this.#lines = this.#readLines(consistent);
    this.#snapshotAtMs = snapshotAt;
    for (const [suffix, least] of [
      ['id', lastId],
      ['pc', priorityCounter],
    ] as const) {
      const value = Number((await this.#redis.get(queueKey(this.#target, suffix))) ?? 0);
      const isLow = value < numberOf(least ?? '');
      this.#differences.note(suffix, isLow ? `the counter ${suffix} is ${value}, below ${least}` : undefined);
    }
  }

  async #addJob(record: RecordOf<'job'>): Promise<void> {
    if (!isJobId(record.id)) return;
    this.#jobs++;
    const rename = renameWith(this.#from, this.#target, this.#rename);
    for (const { calls } of this.#batcher.addJob(restoredJob(record, rename, this.#openFlows)))
      await this.#compare(calls);
  }

  async #addIndex({ state, entries }: RecordOf<'index'>): Promise<void> {
    const jobs = entries.filter(([id]) => isJobId(id));
    if (state === 'waiting' || state === 'active') {
      const skipped = await this.#skippedOf(jobs);
      for (const [id] of jobs) if (!skipped.has(id)) await this.#passInLine(id, state);
      return;
    }
    for (const chunk of entryChunks(jobs)) {
      const [missing] = await runScripts(this.#redis, [this.#call('compareIndex', [state, ...chunk])]);
      if (!Array.isArray(missing)) throw new UnexpectedReplyError('a comparison of states');
      const isMissing = new Set(missing as string[]);
      for (let at = 0; at < chunk.length; at += 2) {
        const id = String(chunk[at]);
        this.#note(
          'state',
          id,
          isMissing.has(id) ? `is not ${state} with the score ${String(chunk[at + 1])}` : undefined,
        );
      }
    }
  }

  async #passInLine(id: string, state: 'waiting' | 'active'): Promise<void> {
    const passed = await this.#lines[state].pass(id);
    for (const other of passed ?? []) this.#note('state', other, 'waits in another place in line');
    if (passed) return this.#note('state', id, undefined);
    const exists = await this.#redis.exists(queueKey(this.#target, id));
    if (exists === 1) this.#note('state', id, 'does not wait in its place in line');
  }

  async #skippedOf(jobs: readonly IndexEntry[]): Promise<ReadonlySet<string>> {
    const skipped = new Set<string>();
    for (let from = 0; this.#areSkipped && from < jobs.length; from += SKIPPED_PER_CALL) {
      const ids = jobs.slice(from, from + SKIPPED_PER_CALL).map(([id]) => id);
      // oxlint-disable-next-line no-await-in-loop -- page after page
      const found = await this.#redis.smismember(queueKey(this.#target, 'restore:skipped'), ...ids);
      ids.forEach((id, at) => found[at] === 1 && skipped.add(id));
    }
    return skipped;
  }

  async #addScheduler({ id, nextMs, hash }: RecordOf<'scheduler'>): Promise<void> {
    const [slot, text] = await exec(this.#redis, [
      ['hget', queueKey(this.#target, 'restore:slots'), id],
      ['hget', queueKey(this.#target, 'restore:schedulers'), id],
    ]);
    const isHeld = Number(slot) === nextMs && text === JSON.stringify(hash);
    this.#differences.note(`scheduler ${id}`, isHeld ? undefined : `job scheduler ${id} is not held back as it was`);
  }

  async #addDeduplication({ id, jobId, ttlMs }: RecordOf<'deduplication'>): Promise<void> {
    const [holder, job] = await exec(this.#redis, [
      ['get', queueKey(this.#target, `de:${id}`)],
      ['exists', queueKey(this.#target, jobId)],
    ]);
    const nowMs = timeOf(
      Number(await runReadScript(this.#redis, 'redisTime', [queueKey(this.#target, 'meta')], [])) / 1_000,
    );
    const isOver = ttlMs === undefined ? job === 0 : this.#snapshotAtMs + ttlMs < nowMs + NEARLY_OVER_MS;
    this.#differences.note(
      `deduplication ${id}`,
      // One that producers have set since the restore began stays.
      holder !== null || isOver ? undefined : `deduplication ${id}, of job ${jobId}, is absent`,
    );
  }

  async #compare(calls: readonly ScriptCall[]): Promise<void> {
    const replies = await runScripts(this.#redis, calls);
    for (const [at, { name, args }] of calls.entries()) {
      const reply = replies[at];
      if (name === 'compareJobPart') {
        const [id = '', part = '', from = ''] = args.map(String);
        const what = from === '0' ? part : `${part}, from ${from} on`;
        this.#note(`${part} ${from}`, id, reply === 'same' ? undefined : `has other ${what}`);
      } else this.#noteJobs(args, reply);
    }
  }

  #noteJobs(args: ScriptCall['args'], reply: unknown): void {
    if (!Array.isArray(reply)) throw new UnexpectedReplyError('a comparison of jobs');
    const differs = new Map<unknown, string>();
    for (let at = 0; at < reply.length; at += 2) differs.set(reply[at], String(reply[at + 1]));
    for (let at = 0; at < args.length; at += 3 + Number(args[at + 2])) {
      const what = differs.get(args[at]);
      this.#note('hash', String(args[at]), what === undefined ? undefined : (IN_WORDS[what] ?? `has another ${what}`));
    }
  }

  #note(what: string, id: string, difference: string | undefined): void {
    const text = difference === undefined ? undefined : `job ${id} of ${queueId(this.#target)} ${difference}`;
    this.#differences.note(`${what} ${id}`, text);
  }

  #call(name: ScriptCall['name'], args: ScriptCall['args']): ScriptCall {
    return { name, keys: [queueKey(this.#target, 'meta')], args };
  }
}

const IN_WORDS: Readonly<Record<string, string>> = {
  absent: 'is absent',
  type: 'is no hash',
  more: 'has another number of fields',
};
