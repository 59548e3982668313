import type { QueueCounts } from '@redis-queue/api';
import { expect, it } from 'vitest';
import { formatDuration, isWorthWriting, percentile, type SampledStatus } from './counts.ts';

const counts = (waiting: number, active = 0): QueueCounts => ({
  waiting,
  active,
  prioritized: 0,
  delayed: 0,
  overdue: 0,
  failed: 0,
});
const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();
const next = (seconds: number, state: QueueCounts): SampledStatus => ({
  counts: state,
  sampledAt: at(seconds),
});

it.each([
  ['the first', undefined, next(0, counts(0)), true],
  ['within a minute, whatever moved', { counts: counts(0), sampledAt: at(0) }, next(54, counts(1000)), false],
  ['a round that comes a little early', { counts: counts(0), sampledAt: at(0) }, next(59, counts(1)), true],
  ["Redis' clock was an hour ahead", { counts: counts(100), sampledAt: at(3_600) }, next(0, counts(100)), true],
  ['nothing moved', { counts: counts(100), sampledAt: at(0) }, next(479, counts(100)), false],
  ['jobs wait for 8 minutes', { counts: counts(100), sampledAt: at(0) }, next(480, counts(100)), true],
  ['jobs run for 8 minutes', { counts: counts(0, 1), sampledAt: at(0) }, next(480, counts(0, 1)), true],
  ['no job waits or runs', { counts: counts(0), sampledAt: at(0) }, next(3600, counts(0)), false],
  ['moved by less than a tenth', { counts: counts(100), sampledAt: at(0) }, next(60, counts(109)), false],
  ['moved by a tenth', { counts: counts(100), sampledAt: at(0) }, next(60, counts(110)), true],
  ['from zero', { counts: counts(0), sampledAt: at(0) }, next(60, counts(1)), true],
  ['to zero', { counts: counts(1000, 1), sampledAt: at(0) }, next(60, counts(1000, 0)), true],
])('counts are written or not: %s', (_, before, sampled, expected) => {
  expect(isWorthWriting(before, sampled)).toBe(expected);
});

it('a write that waits for others is asked for so much earlier', () => {
  const before = { counts: counts(100), sampledAt: at(0) };
  expect(isWorthWriting(before, next(180, counts(100)), 300_000)).toBe(true);
  expect(isWorthWriting(before, next(179, counts(100)), 300_000)).toBe(false);
});

it.each([
  [0, '0ms'],
  [850, '850ms'],
  [12_400, '12s'],
  [300_000, '5m'],
  [10_800_000, '3h'],
  [400_000_000, '5d'],
])('%d ms reads %s', (ms, expected) => {
  expect(formatDuration(ms)).toBe(expected);
});

it('a percentile is a value that occurred; without values there is none', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect(percentile(hundred, 0.95)).toBe(95);
  expect(percentile([7], 0.95)).toBe(7);
  expect(percentile([], 0.95)).toBeUndefined();
});
