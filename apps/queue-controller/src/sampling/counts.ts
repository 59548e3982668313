import type { QueueCounts, QueueStatus } from '@redis-queue/api';
import { headAgeMs, type QueueSample } from '@redis-queue/bullmq';
import { timestamp } from '@redis-queue/controller';

/** The part of the status that the sampler writes. */
export interface SampledStatus {
  readonly counts: QueueCounts;
  readonly waitP95?: string;
  readonly oldestAge?: string;
  readonly sampledAt: string;
}

/** Counts of one object are written at most this often. */
export const MIN_WRITE_INTERVAL_MS = 60_000;
/** While jobs wait or run, counts are written again after this time at the latest, so that they look as current as they are. */
const MAX_WRITE_INTERVAL_MS = 8 * 60_000;
/** A round of samples that comes so much too early counts: who writes keeps the minute. The next would be 30 s late. */
const EARLY_MS = 5_000;
const NOTABLE_CHANGE = 0.1;

/** @param dead jobs in its dead-letter queue; absent: it has none. */
export function sampledStatus(sample: QueueSample, waitP95Ms: number | undefined, dead?: number): SampledStatus {
  const { waiting, prioritized, active, delayed, overdue, failed, legacyPaused } = sample;
  const age = headAgeMs(sample);
  return {
    counts: {
      depth: waiting + legacyPaused + prioritized + overdue,
      waiting: waiting + legacyPaused,
      prioritized,
      active,
      delayed,
      overdue,
      failed,
      ...(dead !== undefined && { dead }),
    },
    ...(waitP95Ms !== undefined && { waitP95: formatDuration(waitP95Ms) }),
    ...(age !== undefined && { oldestAge: formatDuration(age) }),
    sampledAt: timestamp(sample.redisTimeMs),
  };
}

/**
 * Whether a sample is worth a write: nothing was written yet; or about a minute ago or longer, and a count moved by
 * ≥ 10 % or to or from 0; or 8 minutes before it would be written, and jobs wait or run; or what was written is of the future.
 * Live numbers are metrics.
 *
 * @param backlogMs how long the write would wait for others.
 */
export function isWorthWriting(before: QueueStatus | undefined, next: SampledStatus, backlogMs = 0): boolean {
  if (!before?.counts || !before.sampledAt) return true;
  const ageMs = Date.parse(next.sampledAt) - Date.parse(before.sampledAt);
  // Redis' clock was ahead when they were written: nobody knows how old they are.
  if (ageMs < 0) return true;
  if (ageMs < MIN_WRITE_INTERVAL_MS - EARLY_MS) return false;
  if (ageMs + backlogMs >= MAX_WRITE_INTERVAL_MS && hasWork(next.counts)) return true;
  const { counts } = before;
  // There is no dead-letter queue any more.
  if (counts.dead !== undefined && next.counts.dead === undefined) return true;
  return (Object.keys(next.counts) as (keyof QueueCounts)[]).some((state) =>
    moved(counts[state] ?? 0, next.counts[state] ?? 0),
  );
}

function hasWork({ waiting, prioritized, active, overdue }: QueueCounts): boolean {
  return waiting + prioritized + active + overdue > 0;
}

function moved(before: number, now: number): boolean {
  if (before === now) return false;
  return before === 0 || now === 0 || Math.abs(now - before) >= NOTABLE_CHANGE * before;
}

/** As coarse as a person reads it: 850ms, 12s, 5m, 3h, 2d. */
export function formatDuration(ms: number): string {
  const units: [number, string, number][] = [
    [1, 'ms', 1_000],
    [1_000, 's', 120_000],
    [60_000, 'm', 7_200_000],
    [3_600_000, 'h', 172_800_000],
    [86_400_000, 'd', Number.POSITIVE_INFINITY],
  ];
  const [unit, name] = units.find(([, , below]) => ms < below)!;
  return `${Math.round(ms / unit)}${name}`;
}

/** Nearest-rank percentile; undefined without values. */
export function percentile(values: readonly number[], p: number): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
}
