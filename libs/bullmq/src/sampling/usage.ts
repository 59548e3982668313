import type { Redis } from 'ioredis';
import { queueKey, type QueueRef } from '../redis/keys.ts';
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
  const fields = Array.isArray(reply) ? (reply as unknown[]).flat() : [];
  const reports: PodUsageReport[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const report = parseReport(String(fields[at]), String(fields[at + 1]));
    if (report !== undefined) reports.push(report);
  }
  return reports;
}

function parseReport(pod: string, value: string): PodUsageReport | undefined {
  const space = value.indexOf(' ');
  const redisTimeMs = Number(value.slice(0, space));
  let report: Record<string, unknown> | null;
  try {
    report = JSON.parse(value.slice(space + 1)) as Record<string, unknown> | null;
  } catch {
    return undefined;
  }
  if (report?.['format'] !== FORMAT || space < 1 || !Number.isFinite(redisTimeMs)) return undefined;
  const { version, periodMs, slots, busy, cpu, memory, eventLoop, throttled, jobs, runMs, lagP99Ms, stuck, contract } =
    report;
  const needed = { periodMs, slots, busy, cpu, memory, eventLoop, jobs };
  if (typeof version !== 'string' || !Object.values(needed).every(isAmount)) return undefined;
  return {
    pod,
    redisTimeMs,
    version,
    ...(needed as Record<keyof typeof needed, number>),
    ...(isAmount(throttled) && { throttled }),
    ...(isAmount(runMs) && { runMs }),
    ...(isAmount(lagP99Ms) && { lagP99Ms }),
    ...(isAmount(stuck) && stuck > 0 && { stuck }),
    ...(isAmount(contract) && { contract }),
  };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
