import { parseRestoreMark, RESTORE_FIELD, type RestoreMark } from '../ownership/restore-mark.ts';
import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { SCHEDULERS_FIELD } from '../job-schedulers/definition.ts';
import { parseRunningWindow, type RunningWindow } from './limiter-window.ts';
import { OWNER_FIELD } from '../ownership/owner-mark.ts';
import { digestOf, NO_DIGEST, type PolicyDigest } from '../ownership/policy-digest.ts';
import { CLAIMS_FIELD, MAX_CLAIM_TTL_MS, MAX_CLAIMS, parseClaims, type QueueClaim } from '../ownership/queue-claims.ts';
import type { RateLimitWindow } from './rate-limit.ts';
import { UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript, runScript } from '../redis/scripts.ts';

/** What a queue's `meta` says, as every BullMQ worker obeys it on its next fetch. */
export interface ObservedPolicy {
  /** Whether some client has created the queue: `meta` has at least one field. */
  readonly exists: boolean;
  readonly paused: boolean;
  /** Absent: unlimited. */
  readonly rateLimit?: RateLimitWindow;
  /**
   * `max` without `duration` or the reverse, or no whole numbers: BullMQ's fetch may fail on it. Absent: well-formed.
   * To be repaired by whoever manages the limit.
   */
  readonly brokenRateLimit?: true;
  readonly globalConcurrency?: number;
  /** 0, less or no number: BullMQ starts no job, or its fetch fails. Absent: well-formed. */
  readonly brokenConcurrency?: true;
  /** The owner mark as stored, for comparing and setting; of one over 4 kB its SHA-1, which compares as the mark. */
  readonly rawOwnerMark?: string;
  /** `bullmq:6.7.0`, as the last client wrote it; at most 64 bytes. */
  readonly clientVersion?: string;
  /** Jobs in the list in which BullMQ before v6 kept the jobs of a paused queue; only a resume moves them. */
  readonly legacyPaused: number;
  /**
   * Jobs in `wait` although the queue is paused: BullMQ before v6 loses them at its next pause or resume. Absent: none, or
   * the clients are of v6.
   */
  readonly exposedWaiting?: number;
  /** Of a rate limit, whosever it is; absent: none runs. */
  readonly runningWindow?: RunningWindow;
  /** Of those who would inherit the queue; absent: there are none that stand. */
  readonly claims?: readonly QueueClaim[];
  /** The list of job schedulers as stored, see `listedSchedulers`; absent: nobody has written one. */
  readonly schedulerList?: string;
  /** That has the queue, or has left it; absent: none. */
  readonly restore?: RestoreMark;
  /** Of all this as it was read. */
  readonly digest: PolicyDigest;
}

/** Fields of `meta` that the script reads. */
const POLICY_FIELDS = 9;

/**
 * Reads what is set for a queue: four O(1) reads in one round trip. No text that somebody wrote there makes the reply
 * long; an owner mark that is too long for one is given as a text that is no mark, and can be taken over all the same.
 *
 * @throws UnexpectedReplyError when what answers is no Redis; what ioredis throws, see `classifyRedisError`.
 */
export async function readQueuePolicy(redis: Redis, queue: QueueRef): Promise<ObservedPolicy> {
  const args = [OWNER_FIELD, CLAIMS_FIELD, MAX_CLAIMS, MAX_CLAIM_TTL_MS, SCHEDULERS_FIELD, RESTORE_FIELD];
  const reply = await runReadScript(redis, 'readPolicy', [queueKey(queue, 'meta')], args);
  const [exists, legacyPaused, values, redisTimeMs, window, digest, exposed] = Array.isArray(reply)
    ? (reply as unknown[])
    : [];
  const areTexts = Array.isArray(values) && values.every((value) => value === null || typeof value === 'string');
  if (!areTexts || values.length !== POLICY_FIELDS || !Number.isSafeInteger(legacyPaused))
    throw new UnexpectedReplyError('the fields of a queue are none');
  const runningWindow = parseRunningWindow(window, Number(redisTimeMs));
  const [claimsText, schedulerList, restoreMark] = (values as (string | null)[]).slice(6);
  const restore = parseRestoreMark(restoreMark);
  const claims = parseClaims(claimsText, Number(redisTimeMs));
  return {
    ...parsePolicyFields(values as (string | null)[]),
    exists: exists === 1,
    legacyPaused: legacyPaused as number,
    ...(typeof exposed === 'number' && exposed > 0 && { exposedWaiting: exposed }),
    ...(runningWindow && { runningWindow }),
    ...(claims.length > 0 && { claims }),
    ...(schedulerList && { schedulerList }),
    ...(restore && { restore }),
    digest: digestOf(digest),
  };
}

/** Reads the fields of `meta` in the order paused, max, duration, concurrency, owner mark, version. */
export function parsePolicyFields(
  values: readonly (string | null | undefined)[],
): Omit<
  ObservedPolicy,
  'exists' | 'legacyPaused' | 'exposedWaiting' | 'claims' | 'schedulerList' | 'restore' | 'runningWindow' | 'digest'
> {
  const [paused, max, duration, concurrency, mark, version] = values;
  const window = { max: whole(max), durationMs: whole(duration) };
  const broken = (max ?? duration ?? null) !== null && (window.max === undefined || window.durationMs === undefined);
  const globalConcurrency = positive(concurrency);
  return {
    paused: (paused ?? null) !== null,
    ...(window.max !== undefined &&
      window.durationMs !== undefined && { rateLimit: { max: window.max, durationMs: window.durationMs } }),
    ...(broken && { brokenRateLimit: true as const }),
    ...(globalConcurrency !== undefined && { globalConcurrency }),
    ...((concurrency ?? undefined) !== undefined &&
      globalConcurrency === undefined && { brokenConcurrency: true as const }),
    ...(mark && { rawOwnerMark: mark }),
    ...(version && { clientVersion: version }),
  };
}

/** As the API server takes it, since it is shown in a status. */
function whole(text: string | null | undefined): number | undefined {
  const value = positive(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

function positive(text: string | null | undefined): number | undefined {
  const value = Number(text ?? Number.NaN);
  return Number.isFinite(value) && value > 0 ? value : undefined;
}

/** The fields of `meta` behind a rate limit; both are written and cleared together, `max` alone stops every worker. */
export function rateLimitFields(window: RateLimitWindow): Record<string, number> {
  return { max: window.max, duration: window.durationMs };
}
export { GLOBAL_CONCURRENCY_FIELD, MAX_EVENTS_FIELD, RATE_LIMIT_FIELDS } from './limit-fields.ts';

/** Jobs that one call moves between `wait` and `paused`: about 2 ms of Redis' time. */
const MOVED_JOBS_PER_CALL = 5_000;

/**
 * Pauses the queue, so that workers start no job and running ones finish; or lets them start jobs again. Unless its
 * clients are of BullMQ 6, a pause moves the jobs in `wait` to the list `paused`: BullMQ before v6 puts one list in the
 * other's place when it pauses or resumes the queue, and what is in the other one is lost. A resume moves back what is
 * there. Only while the owner mark is `expected`. Idempotent.
 *
 * @param expected the stored mark as read; undefined: none was stored.
 * @param digest of the policy as read.
 * @returns `again` when jobs are left to move; `ownershipLost` when somebody else changed the mark since it was
 * read, `restoring` when the queue is to be resumed while a restore fills it: nothing is written then. With the digest of the policy as it is now; `NO_DIGEST`: somebody else changed it since
 * it was read.
 */
export async function setPaused(
  redis: Redis,
  queue: QueueRef,
  {
    paused,
    expected,
    digest = NO_DIGEST,
  }: { readonly paused: boolean; readonly expected: string | undefined; readonly digest?: PolicyDigest | undefined },
): Promise<{ readonly outcome: 'done' | 'again' | 'ownershipLost' | 'restoring'; readonly digest: PolicyDigest }> {
  const args = [OWNER_FIELD, expected ?? '', paused ? 'paused' : 'resumed', MOVED_JOBS_PER_CALL, digest];
  const reply = await runScript(redis, 'setPause', [queueKey(queue, 'meta')], args);
  const [left, now] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (!Number.isSafeInteger(left)) throw new UnexpectedReplyError('the jobs that are left are no number');
  if (left === -2) return { outcome: 'restoring', digest };
  if ((left as number) < 0) return { outcome: 'ownershipLost', digest: NO_DIGEST };
  return { outcome: (left as number) > 0 ? 'again' : 'done', digest: digestOf(now) };
}
