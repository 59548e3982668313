import type { Milliseconds } from '@redis-queue/api';
import type { Redis } from 'ioredis';
import type { QueueRef } from '../redis/keys.ts';
import { takePacedTurns, whyNothing, type PacedWork, type RoundOptions } from '../rounds/paced-turns.ts';
import {
  cleanFinished,
  sampleSizes,
  trimEvents,
  tryReadFinished,
  type CleanCursor,
  type CleanedJobs,
} from './retention.ts';
import type { RetentionLimits } from './limits.ts';
import { shareOfRedis } from '../redis/pace.ts';
import { EVENTS_PER_NODE, planAges, planSize, type Finished, type RetentionTask, type TrimEvents } from './plan.ts';
import { estimateSize, type SizeEstimate, type SizeSample } from './size-estimate.ts';
import type { StepFence } from '../rounds/step.ts';

/** A queue whose limits are to be held. */
export interface LimitedQueue {
  readonly queue: QueueRef;
  /** Whose turns its steps count for: its namespace. Absent: all such queues are of one tenant. */
  readonly tenant?: string;
  /** The owner mark as stored: under another one nothing is removed. */
  readonly mark: string;
  readonly limits: RetentionLimits;
  /** Those of the round before. They may be lost: then passes begin at the oldest job. */
  readonly cursors?: RetentionCursors | undefined;
}

type CleanTask = Exclude<RetentionTask, TrimEvents>;
/** A pass over the finished jobs of one state, for their age or for their bytes. */
type Pass = `${CleanTask['kind']} ${CleanTask['state']}`;
/** Where passes that have not come to their end go on: behind jobs that are left in place. */
export type RetentionCursors = Readonly<Partial<Record<Pass, CleanCursor>>>;

/** What a round did for one queue. */
export interface RetentionResult {
  /** Finished jobs removed. */
  readonly removed: number;
  readonly freedBytes: number;
  readonly eventsRemoved: number;
  /** Jobs over their time that were left in place, such as failed children of a parent that waits. */
  readonly left: number;
  /** How long the oldest job was over its time when the round began. */
  readonly lateMs: Milliseconds;
  /** The round ended before all was done. The next one goes on with what it finds. */
  readonly unfinished: boolean;
  /** Of queues with `maxBytes`, once nothing is too old. */
  readonly size?: SizeEstimate;
  /** Bytes over `maxBytes` that nothing removable holds. */
  readonly overBytes?: number;
  /** A pass has not come to its end: whether what is over its limits may go is known when it has. */
  readonly rests?: true;
  /** For the next round; absent: it begins at the oldest jobs. */
  readonly cursors?: RetentionCursors;
  /** Somebody else changed the owner mark: nothing was removed since. */
  readonly ownershipLost?: true;
  /** Why the queue could not be read or cleaned. */
  readonly error?: Error;
}

/**
 * After so many steps that removed nothing, 9,000 jobs, a pass rests until the next round, which goes on behind them: what
 * is left to who moves dead letters, or to flows, may be millions.
 */
const MOST_IDLE_STEPS = 60;

/** Of `maxBytes`: jobs that are made alike use a little more or less memory each. */
const SMALL_SHARE = 0.02;

/**
 * Removes what is over the limits of queues that lie in one Redis: one step per queue in turn, and after each step a rest,
 * so that all of them together take a few percent of that Redis' time. Another round, by another process too, goes on with
 * what it finds; with the cursors of this one, behind what was left in place.
 *
 * @returns one result per queue, in their order; what fails for one queue is its result.
 * @throws what `call` throws when Redis does not answer; see `classifyRedisError`.
 */
export async function retentionRound(
  queues: readonly LimitedQueue[],
  options: RoundOptions,
): Promise<RetentionResult[]> {
  const endMs = options.now() + options.roundMs;
  const refs = queues.map(({ queue }) => queue);
  const found = await options.call((redis) => tryReadFinished(redis, refs));
  const readAtMs = options.now();
  const works = queues.map((limited, index) => new RetentionWork(limited, found[index]!));
  const redisTimeMs = found.find((each): each is Finished => !(each instanceof Error))?.redisTimeMs;
  if (redisTimeMs !== undefined) await takePacedTurns(works, { redisTimeMs, readAtMs, endMs }, options);
  return works.map((work) => work.result());
}

/** What is left to do for one queue. */
class RetentionWork implements PacedWork {
  readonly tenant: string;
  readonly #limited: LimitedQueue;
  readonly #tasks: RetentionTask[] = [];
  readonly #cursors: Map<Pass, CleanCursor>;
  /** Steps since one that removed something. */
  #idleSteps = 0;
  /** Its size is to be estimated once nothing is too old. */
  #needsSize = false;
  #result: Omit<RetentionResult, 'unfinished'> = { removed: 0, freedBytes: 0, eventsRemoved: 0, left: 0, lateMs: 0 };

  constructor(limited: LimitedQueue, found: Finished | Error) {
    this.#limited = limited;
    this.tenant = limited.tenant ?? '';
    this.#cursors = new Map(Object.entries(limited.cursors ?? {}) as [Pass, CleanCursor][]);
    if (found instanceof Error) {
      this.#note({ error: found });
      return;
    }
    const { tasks, lateMs } = planAges(limited.limits, found);
    this.#tasks.push(...tasks);
    this.#needsSize = limited.limits.maxBytes !== undefined;
    this.#note({ lateMs });
  }

  hasWork(): boolean {
    return this.#tasks.length > 0 || this.#needsSize;
  }

  share(): number {
    return shareOfRedis(this.#result.lateMs);
  }

  result(): RetentionResult {
    const cursors = this.#cursors.size > 0 && { cursors: Object.fromEntries(this.#cursors) as RetentionCursors };
    return { ...this.#result, unfinished: this.hasWork(), ...cursors };
  }

  fail(error: Error): void {
    this.#end({ error });
  }

  async step(redis: Redis, untilMs: number): Promise<Milliseconds> {
    const fence = { mark: this.#limited.mark, untilMs };
    const task = this.#tasks[0];
    if (task === undefined) return this.#weigh(redis);
    return task.kind === 'trimEvents' ? this.#trim(redis, task, fence) : this.#clean(redis, task, fence);
  }

  async #weigh(redis: Redis): Promise<Milliseconds> {
    this.#needsSize = false;
    const sample = await sampleSizes(redis, this.#limited.queue);
    const size = estimateSize(sample);
    const { tasks, unfinishedOverBytes } = planSize(this.#limited.limits, size);
    this.#tasks.push(...tasks);
    this.#note({ size });
    this.#addOverBytes(unfinishedOverBytes);
    return weighingMs(sample);
  }

  async #trim(redis: Redis, { maxEvents }: TrimEvents, fence: StepFence): Promise<Milliseconds> {
    const trimmed = await trimEvents(redis, this.#limited.queue, { ...fence, maxEvents });
    const { outcome, removed, events } = trimmed;
    this.#note({ eventsRemoved: this.#result.eventsRemoved + removed });
    if (outcome !== 'done') this.#end(whyNothing(outcome));
    else if (removed === 0 || events <= maxEvents + EVENTS_PER_NODE) this.#tasks.shift();
    return trimmed.scriptMs;
  }

  async #clean(redis: Redis, task: CleanTask, fence: StepFence): Promise<Milliseconds> {
    const { queue, limits } = this.#limited;
    const cleaned = await cleanFinished(redis, queue, {
      ...fence,
      state: task.state,
      ...(task.kind === 'removeOld' ? { olderThanMs: task.olderThanMs } : { bytes: task.bytes }),
      leavesDeadLetters: limits.leavesDeadLetters,
      cursor: this.#cursors.get(passOf(task)),
    });
    this.#note({
      removed: this.#result.removed + cleaned.removed,
      freedBytes: this.#result.freedBytes + cleaned.freedBytes,
      left: this.#result.left + cleaned.left,
    });
    if (cleaned.outcome === 'done') this.#goOn(task, cleaned);
    else this.#end(whyNothing(cleaned.outcome));
    return cleaned.scriptMs;
  }

  #goOn(task: CleanTask, { removed, freedBytes, cursor }: CleanedJobs): void {
    const pass = passOf(task);
    const bytesLeft = task.kind === 'free' ? task.bytes - freedBytes : Number.POSITIVE_INFINITY;
    this.#idleSteps = removed === 0 ? this.#idleSteps + 1 : 0;
    // One that has freed enough begins at the oldest again, unless it came from behind those that are left.
    const goesOn = cursor !== undefined && (bytesLeft > 0 || this.#limited.cursors?.[pass] !== undefined);
    if (goesOn) this.#cursors.set(pass, cursor);
    else this.#cursors.delete(pass);
    if (cursor !== undefined && bytesLeft > 0 && this.#idleSteps < MOST_IDLE_STEPS) {
      this.#tasks[0] = task.kind === 'free' ? { ...task, bytes: bytesLeft } : task;
      return;
    }
    this.#idleSteps = 0;
    this.#tasks.shift();
    if (cursor !== undefined && bytesLeft > 0) this.#note({ rests: true });
    else if (task.kind === 'free' && bytesLeft > this.#estimateError()) this.#addOverBytes(bytesLeft);
  }

  /** What a state holds less than was estimated is no news: the next round estimates it again. */
  #estimateError(): number {
    return (this.#result.size?.standardError ?? 0) + SMALL_SHARE * (this.#limited.limits.maxBytes ?? 0);
  }

  #addOverBytes(bytes: number): void {
    if (bytes > 0) this.#note({ overBytes: (this.#result.overBytes ?? 0) + bytes });
  }

  #note(what: Partial<RetentionResult>): void {
    this.#result = { ...this.#result, ...what };
  }

  #end(why: Pick<RetentionResult, 'ownershipLost' | 'error'>): void {
    this.#tasks.length = 0;
    this.#needsSize = false;
    this.#note(why);
  }
}

function passOf({ kind, state }: CleanTask): Pass {
  return `${kind} ${state}`;
}

/** Of Redis: a script that only reads cannot be timed as those that write. */
function weighingMs({ states }: SizeSample): Milliseconds {
  return 0.1 + 0.008 * Object.values(states).reduce((sum, { weighed }) => sum + weighed, 0);
}
