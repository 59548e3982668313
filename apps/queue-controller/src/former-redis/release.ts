import type { Queue } from '@redis-queue/api';
import {
  deadLetterQueue,
  GLOBAL_CONCURRENCY_FIELD,
  listedSchedulers,
  LOST_FIELDS,
  MAX_EVENTS_FIELD,
  ownMark,
  RATE_LIMIT_FIELDS,
  readQueuePolicy,
  removeScheduler,
  whileLeading,
  writeMeta,
  type ManagedField,
  type ObservedPolicy,
  type RedisTarget,
} from '@redis-queue/bullmq';
import { unlessAborted, type ObjectMemory } from '@redis-queue/controller';
import { callRedis, queueRef, type RedisCall, type RedisClients, type SecretSources } from '@redis-queue/redis-access';
import { Attempts } from './attempts.ts';
import { endedByAnnotation, isGovernedSince, type FormerRedis, type Found } from './moves.ts';
import { FormerTargets, waysTo, type Way } from './ways.ts';

/** What is known of a Redis that the queue has left. */
export type FormerReport = { readonly address: string } & (
  | Released
  | Absent
  | { readonly state: 'held'; readonly why: string }
  | /** Not tried yet. */ { readonly state: 'pending' }
);

export interface Released {
  readonly state: 'released';
  readonly cleared: readonly ManagedField[];
  /** The queue is paused there, by whomever, and stays so. */
  readonly staysPaused: boolean;
}

/** Nothing of this Queue is there: another governs it, or it is the same Redis under another name. */
export interface Absent {
  readonly state: 'absent';
}

export interface ReleaseSources extends RedisClients {
  readonly secrets: SecretSources;
  /** What went wrong with Redis, in words and without a credential. A connection that is of no use any more is closed. */
  readonly describe: (error: unknown, target: RedisTarget) => string;
  /** Throws when nothing may be written any more. */
  readonly mayWrite: () => void;
}

/** Who asks, and what the queue's mark is in the Redis that its Secret leads to now. */
export interface Current {
  /** As marks name it. */
  readonly owner: string;
  /** As stored; undefined: there is none. */
  readonly rawMark: string | undefined;
  readonly signal: AbortSignal;
}

/** A reconcile waits no longer for a Redis that its queue has left, with all credentials together. */
const ATTEMPT_MS = 3_000;
/** Nor for the first answer with one of them: a server that hangs does so with each. */
const ANSWER_MS = 1_000;
/** The one name of it, whoever gave up first. */
export const NO_ANSWER = 'it does not answer in time';
/** Once the status that lists it is written, and the queue holds where it is now. */
const SOON_MS = 50;

/**
 * Releases queues in the Redis servers that they were moved away from: removes the owner mark and what it says that the
 * Queue manages, and no job. What is to be released stands in the status, so that a crash forgets none; only the former
 * credentials and the pace of attempts are in memory.
 */
export class FormerRedisReleases implements ObjectMemory {
  readonly remembered = new FormerTargets();
  readonly #attempts = new Attempts();
  readonly #sources: ReleaseSources;
  readonly #nowMs: () => number;

  /** @param nowMs monotonic */
  constructor(sources: ReleaseSources, nowMs: () => number) {
    this.#sources = sources;
    this.#nowMs = nowMs;
  }

  /**
   * Tries one of those that are due, the one that has waited longest. Called when the queue was read, and what was to be
   * done was done, in the Redis where it is now: a Redis that its queue has left delays nothing there.
   *
   * @returns what is known of each that the status lists.
   */
  async release(queue: Queue, current: Current): Promise<FormerReport[]> {
    const { uid = '' } = queue.metadata;
    const ended = endedByAnnotation(queue);
    const left = (queue.status?.formerRedis ?? []).filter((former) => former !== ended);
    const addresses = left.map(({ address }) => address);
    this.#attempts.keepOnly(uid, addresses);
    const ways = addresses.map((address) => ({ address, ways: this.#waysTo(queue, address) }));
    const due = isGovernedSince(queue, current)
      ? ways.find((each) => this.#attempts.isDue(uid, each.address, keysOf(each.ways), this.#nowMs()))
      : undefined;
    const tried = due && (await this.#try(queue, due.address, due.ways, current));
    return addresses.map((address): FormerReport => {
      if (tried?.address === address) return tried;
      const why = this.#attempts.whyHeld(uid, address);
      return why === undefined ? { address, state: 'pending' } : { address, state: 'held', why };
    });
  }

  /** After how many ms the next of those that the status lists now is due; undefined: there is none. */
  dueInMs({ metadata: { uid = '' } }: Queue, left: readonly FormerRedis[]): number | undefined {
    if (left.length === 0) return undefined;
    const nowMs = this.#nowMs();
    return Math.max(SOON_MS, Math.min(...left.map(({ address }) => this.#attempts.dueInMs(uid, address, nowMs))));
  }

  forget(uid: string): void {
    this.remembered.forget(uid);
    this.#attempts.forget(uid);
  }

  #waysTo(queue: Queue, address: string): Way[] {
    return waysTo(queue, address, { remembered: this.remembered, secrets: this.#sources.secrets });
  }

  async #try(queue: Queue, address: string, ways: readonly Way[], current: Current): Promise<FormerReport> {
    const signal = AbortSignal.any([current.signal, AbortSignal.timeout(ATTEMPT_MS)]);
    let why = 'no Secret has its credentials any more';
    for (const way of ways) {
      if (signal.aborted) break;
      const answer = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
      try {
        // oxlint-disable-next-line no-await-in-loop -- the next only where this one is of no use
        const released = await releaseAt(queue, way, { ...current, signal, answer }, this.#sources);
        if (released !== 'unfinished') return { address, ...released };
        why = 'somebody else changes it meanwhile';
      } catch (error) {
        const isLate = error === answer.reason || error === signal.reason;
        why = isLate ? NO_ANSWER : this.#sources.describe(error, way.target);
      }
    }
    // Also when the reconcile is given up: the next one would wait as long.
    this.#attempts.failed(queue.metadata.uid ?? '', address, { why, tried: keysOf(ways) }, this.#nowMs());
    current.signal.throwIfAborted();
    return { address, state: 'held', why };
  }
}

function keysOf(ways: readonly Way[]): string[] {
  return ways.map(({ targetKey }) => targetKey);
}

/** What a reconcile found out about moves. */
export function foundOf(observed: {
  readonly policy?: ObservedPolicy;
  readonly redisAddress?: string;
  readonly former?: readonly FormerReport[];
}): Found {
  const over = (observed.former ?? []).filter(({ state }) => state === 'released' || state === 'absent');
  return {
    address: observed.policy && observed.redisAddress,
    released: new Set(over.map(({ address }) => address)),
  };
}

/** @param answer ends the wait for the first answer; `signal` that for all that follows */
async function releaseAt(
  queue: Queue,
  way: Way,
  { answer, ...current }: Current & { readonly answer: AbortSignal },
  sources: ReleaseSources,
): Promise<Released | Absent | 'unfinished'> {
  const call = { ...way, namespace: queue.metadata.namespace ?? '' };
  const policy = await unlessAborted(answer, async () => {
    try {
      return await callRedis(sources, call, (redis) => readQueuePolicy(redis, queueRef(queue)));
    } catch (error) {
      // Told also when nobody waits for it any more.
      sources.describe(error, way.target);
      throw error;
    }
  });
  return await unlessAborted(current.signal, () => releaseWhatIsThere(queue, policy, { ...current, call }, sources));
}

async function releaseWhatIsThere(
  queue: Queue,
  policy: ObservedPolicy,
  { owner, rawMark, signal, call }: Current & { readonly call: RedisCall },
  sources: ReleaseSources,
): Promise<Released | Absent | 'unfinished'> {
  const ref = queueRef(queue);
  const { rawOwnerMark: expected } = policy;
  const mark = ownMark(expected, owner);
  if (!mark || expected === rawMark) return { state: 'absent' };
  const guard = { signal, assertLeading: () => sources.mayWrite() };
  const write = whileLeading((run) => callRedis(sources, call, run), guard);
  // Else both would make jobs.
  for (const name of listedSchedulers(policy.schedulerList, owner)) {
    const fence = { owner, mark: expected ?? '' };
    // oxlint-disable-next-line no-await-in-loop -- one small write at a time
    if ((await write((redis) => removeScheduler(redis, ref, name, fence))) !== 'done') return 'unfinished';
  }
  if (mark.managed.includes('deadLetters')) {
    const letters = deadLetterQueue(ref);
    const { rawOwnerMark } = await callRedis(sources, call, (redis) => readQueuePolicy(redis, letters));
    const isOurs = ownMark(rawOwnerMark, owner) !== undefined;
    const change = { expected: rawOwnerMark, mark: null, clear: LOST_FIELDS };
    if (isOurs && (await write((redis) => writeMeta(redis, letters, change))) === undefined) return 'unfinished';
  }
  // A pause stays, also one of ours: jobs that were copied to the new Redis would run in both.
  const cleared = mark.managed.filter((field) => field !== 'paused');
  const clear = cleared.flatMap((field) => FIELDS[field]);
  // With the last of what it names, in one step.
  const digest = await write((redis) => writeMeta(redis, ref, { expected, mark: null, clear }));
  return digest !== undefined
    ? { state: 'released', cleared, staysPaused: policy.paused || policy.legacyPaused > 0 }
    : 'unfinished';
}

const FIELDS: Readonly<Record<ManagedField, readonly string[]>> = {
  rateLimit: RATE_LIMIT_FIELDS,
  globalConcurrency: [GLOBAL_CONCURRENCY_FIELD],
  paused: [],
  deadLetters: [],
  maxEvents: [MAX_EVENTS_FIELD],
};
