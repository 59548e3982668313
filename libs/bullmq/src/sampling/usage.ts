import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
import { isCount, timedReply, UnexpectedReplyError } from '../redis/reply.ts';
import { runReadScript } from '../redis/scripts.ts';

/** Where the pods of a pool report what they use; see `libs/worker/src/usage/report.ts`, which writes it. */
export interface UsagePlace {
  /** The pool's first queue. */
  readonly queue: QueueRef;
  readonly namespace: string;
  readonly pool: string;
}

/** What one pod used over some time in which it ran jobs. Means over that time unless said otherwise. */
export interface PodUsageReport {
  readonly pod: string;
  /** When it was reported, by Redis' clock. */
  readonly redisTimeMs: number;
  /** `spec.version` of the pod. */
  readonly version: string;
  readonly periodMs: number;
  /** Jobs it may run at once. */
  readonly slots: number;
  /** Jobs it ran at once. */
  readonly busy: number;
  /** CPU cores in use, over the container. */
  readonly cpu: number;
  /** The most memory in use, bytes. */
  readonly memory: number;
  /** Share of the time in which the event loop had something to do, 0..1. */
  readonly eventLoop: number;
  /** Share of scheduling periods in which a CPU limit stopped the container, 0..1; absent without a limit. */
  readonly throttled?: number;
  /** Runs that ended, and their mean time. */
  readonly jobs: number;
  readonly runMs?: number;
  /** How long all but one in a hundred moments waited for the event loop at most. */
  readonly lagP99Ms?: number;
  /** Handlers that go on although their job has failed; absent: none. */
  readonly stuck?: number;
  /** The level of the pod contract that the image says it keeps. */
  readonly contract?: number;
}

/** Most pods read per pool: a random sample says as much as all of them. */
export const MOST_USAGE_REPORTS = 50;
/** Pools per round trip. */
const POOLS_PER_TRIP = 50;
/** Longest report that is read, bytes; what libs/worker writes has some 300. */
const LONGEST_REPORT = 1_024;
const FORMAT = 1;
/** A pod that reported nothing for this long is gone; workers forget it then too. */
const FORGET_MS = 300_000;
/** How far ahead a report may be: the clock of the server that wrote it was, which has failed over since. */
const AHEAD_MS = 10_000;
const DAY_MS = 24 * 3_600_000;

/**
 * What a pod can have at most. Whoever may write to the queue writes reports: a number beyond these is of no pod, and would
 * end far away from here, as a date that is none or as a mean that no later report can move.
 */
const MOST = {
  periodMs: DAY_MS,
  slots: 10_000,
  busy: 10_000,
  cpu: 10_000,
  memory: 2 ** 50,
  jobs: 1e9,
  runMs: 366 * DAY_MS,
  lagP99Ms: DAY_MS,
  contract: 1_000,
} as const;
const POD_NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;
/** A tag of an image has no more. */
const LONGEST_VERSION = 128;

/**
 * Reads the newest report of at most 50 pods per pool, of pools whose queues lie in one Redis. Cost: O(50) per pool.
 *
 * @returns the reports of each pool, in the order asked for; empty where no pod reported anything lately.
 * @throws what ioredis throws when Redis cannot be reached; see `classifyRedisError`.
 */
export async function sampleUsage(redis: Redis, places: readonly UsagePlace[]): Promise<PodUsageReport[][]> {
  const read: PodUsageReport[][] = [];
  for (let from = 0; from < places.length; from += POOLS_PER_TRIP) {
    const trip = places.slice(from, from + POOLS_PER_TRIP);
    const pods = trip.map(async (place) => await readPods(redis, place));
    for (const reply of await Promise.all(pods)) read.push(parseReports(reply));
  }
  return read;
}

/** An error of Redis for one pool (no right to its key, a key of another type) does not concern the others. */
async function readPods(redis: Redis, place: UsagePlace): Promise<unknown> {
  try {
    return await runReadScript(redis, 'sampleUsage', [usageKey(place)], [MOST_USAGE_REPORTS, LONGEST_REPORT]);
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return [];
    throw error;
  }
}

export function usageKey({ queue, namespace, pool }: UsagePlace): string {
  return queueKey(queue, `rq:usage:${namespace}/${pool}`);
}

/** Reports of an unknown format are left out: workers of another release may write them. */
function parseReports(reply: unknown): PodUsageReport[] {
  const [redisTimeMs, fields] = readReply(reply);
  const reports: PodUsageReport[] = [];
  for (let at = 0; at + 1 < fields.length && reports.length < MOST_USAGE_REPORTS; at += 2) {
    const report = parseReport(String(fields[at]), String(fields[at + 1]), redisTimeMs);
    if (report !== undefined) reports.push(report);
  }
  return reports;
}

/** What a server sends that is no Redis holds no report. */
function readReply(reply: unknown): [redisTimeMs: number, fields: readonly unknown[]] {
  try {
    const { redisTimeMs, rows } = timedReply(reply);
    return [redisTimeMs, rows];
  } catch (error) {
    if (error instanceof UnexpectedReplyError) return [0, []];
    throw error;
  }
}

function parseReport(pod: string, value: string, nowMs: number): PodUsageReport | undefined {
  const [, digits, json] = /^(\d{1,16}) (.*)$/s.exec(value) ?? [];
  const redisTimeMs = Number(digits);
  // Of the future it would be the newest for ever, and the pods that are there would count as gone.
  if (json === undefined || redisTimeMs > nowMs + AHEAD_MS || redisTimeMs < nowMs - FORGET_MS) return undefined;
  if (!POD_NAME.test(pod)) return undefined;
  let report: Record<string, unknown> | null;
  try {
    report = JSON.parse(json) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  if (report?.['format'] !== FORMAT) return undefined;
  const { version, periodMs, slots, busy, cpu, memory, eventLoop, throttled, jobs, runMs, lagP99Ms, stuck, contract } =
    report;
  if (typeof version !== 'string' || version.length > LONGEST_VERSION) return undefined;
  if (!isCountTo(MOST.slots, slots) || slots === 0 || !isCountTo(MOST.jobs, jobs)) return undefined;
  if (!isAmount(periodMs, MOST.periodMs) || !isAmount(busy, MOST.busy)) return undefined;
  if (!isAmount(cpu, MOST.cpu) || !isAmount(memory, MOST.memory) || !isAmount(eventLoop)) return undefined;
  return {
    pod,
    redisTimeMs,
    version,
    periodMs,
    slots,
    busy,
    cpu,
    memory,
    eventLoop: Math.min(1, eventLoop),
    jobs,
    ...(isAmount(throttled) && { throttled: Math.min(1, throttled) }),
    ...(isAmount(runMs, MOST.runMs) && { runMs }),
    ...(isAmount(lagP99Ms, MOST.lagP99Ms) && { lagP99Ms }),
    ...(isCountTo(MOST.slots, stuck) && stuck > 0 && { stuck }),
    ...(isCountTo(MOST.contract, contract) && { contract }),
  };
}

function isAmount(value: unknown, most = Number.MAX_VALUE): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}

function isCountTo(most: number, value: unknown): value is number {
  return isCount(value) && value <= most;
}
