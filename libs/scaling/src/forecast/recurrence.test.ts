import { describe, expect, it } from 'vitest';
import { seededRandom } from '@redis-queue/simulator';
import {
  expectBursts,
  nextBurst,
  NO_RECURRENCE,
  observeRecurrence,
  regularity,
  type Recurrence,
} from './recurrence.ts';

const MINUTE = 60_000;
const TARGET_MS = 5_000;
/** A burst's jobs come within two seconds of one sample each. */
const SPREAD_LOOKS = 2;

interface Load {
  readonly burstsMs: readonly number[];
  readonly jobs?: number;
  readonly usualRate?: number;
  /** Wait of the jobs that finish in the 20 s after a burst began. */
  readonly waitMs?: number;
}

/** Samples once a second until `untilMs`. */
function watched(load: Load, untilMs: number, from: Recurrence = NO_RECURRENCE, fromMs = 0): Recurrence {
  const { burstsMs, jobs = 300, usualRate = 0, waitMs = 9_000 } = load;
  let recurrence = from;
  for (let nowMs = fromMs + 1_000; nowMs <= untilMs; nowMs += 1_000) {
    const coming = burstsMs.some((atMs) => nowMs > atMs && nowMs <= atMs + SPREAD_LOOKS * 1_000);
    const finishing = burstsMs.some((atMs) => nowMs > atMs && nowMs <= atMs + 20_000);
    const arrived = {
      events: usualRate + (coming ? jobs / SPREAD_LOOKS : 0),
      elapsedMs: 1_000,
      usualRate,
      waitsMs: finishing ? Array<number>(10).fill(waitMs) : [],
    };
    recurrence = observeRecurrence(recurrence, arrived, TARGET_MS, nowMs);
  }
  return recurrence;
}
const each = (periodMs: number, n: number): number[] => Array.from({ length: n }, (_, k) => (k + 1) * periodMs);

const regularityAfter = (minutes: number): number =>
  regularity(watched({ burstsMs: each(MINUTE, minutes) }, minutes * MINUTE + 10_000));

describe('a burst that comes again and again', () => {
  it('is expected a period after the fourth, with the jobs it had', () => {
    const { expected } = watched({ burstsMs: each(8 * MINUTE, 4) }, 33 * MINUTE);
    expect(expected).toHaveLength(1);
    expect(expected[0]!.atMs).toBeCloseTo(40 * MINUTE, -3);
    expect(expected[0]!.jobs).toBeCloseTo(300, -1);
    expect(expected[0]!.periodMs).toBeCloseTo(8 * MINUTE, -2);
  });

  it('is not expected after three', () => {
    expect(watched({ burstsMs: each(8 * MINUTE, 3) }, 30 * MINUTE).expected).toEqual([]);
  });

  it('is believed the more the more often it came, and not before it was forecast once', () => {
    expect(regularityAfter(4)).toBe(0);
    expect(regularityAfter(5)).toBe(0.5);
    expect(regularityAfter(12)).toBeGreaterThan(0.8);
  });

  it('is seen on a flow, and the flow is not part of its jobs', () => {
    const { expected } = watched({ burstsMs: each(5 * MINUTE, 4), usualRate: 40 }, 21 * MINUTE);
    expect(expected[0]!.jobs).toBeLessThan(310);
    expect(expected[0]!.jobs).toBeGreaterThan(200);
  });

  it('is expected although another one comes at its own times between', () => {
    const burstsMs = [...each(5 * MINUTE, 8), ...each(7 * MINUTE, 5).map((atMs) => atMs + 40_000)];
    const { expected } = watched({ burstsMs }, 41 * MINUTE);
    const minutes = expected.map(({ atMs }) => Math.round(atMs / MINUTE)).toSorted((a, b) => a - b);
    expect(minutes).toEqual([43, 45]);
  });

  it('is still expected after one stayed away', () => {
    const burstsMs = each(5 * MINUTE, 7).filter((_, n) => n !== 5);
    const { expected } = watched({ burstsMs }, 36 * MINUTE);
    expect(Math.min(...expected.map(({ atMs }) => Math.round(atMs / MINUTE)))).toBe(40);
  });

  it('is forgotten soon after it stays away', () => {
    const load = { burstsMs: each(MINUTE, 8) };
    const gone = watched(load, 10 * MINUTE);
    expect(nextBurst(gone, 10 * MINUTE)).toBeUndefined();
    expect(regularity(gone)).toBeLessThan(regularity(watched(load, 8 * MINUTE + 20_000)));
  });
});

describe('pods before a burst', () => {
  const regular = each(2 * MINUTE, 8);

  it('are asked for when the bursts before were late', () => {
    expect(nextBurst(watched({ burstsMs: regular }, 17 * MINUTE), 17 * MINUTE)).toMatchObject({
      jobs: expect.closeTo(300, -1) as number,
      confidence: expect.closeTo(0.78, 1) as number,
    });
  });

  it('are not asked for when pods that came with the burst were in time', () => {
    expect(nextBurst(watched({ burstsMs: regular, waitMs: 3_000 }, 17 * MINUTE), 17 * MINUTE)).toBeUndefined();
  });

  it('are still asked for when thanks to them the bursts were in time', () => {
    const late = watched({ burstsMs: regular }, 17 * MINUTE);
    const more = each(2 * MINUTE, 20).slice(8);
    const inTime = watched({ burstsMs: more, waitMs: 100 }, 41 * MINUTE, late, 17 * MINUTE);
    expect(nextBurst(inTime, 41 * MINUTE)).toBeDefined();
  });
});

describe('chance', () => {
  it('is not taken for a schedule: bursts at random times are hardly ever forecast and never believed', () => {
    const random = seededRandom(7);
    for (let run = 0; run < 20; run++) {
      let atMs = 0;
      const burstsMs = Array.from({ length: 40 }, () => (atMs += 30_000 + Math.floor(random() * 10) * 31_000));
      expect(regularity(watched({ burstsMs }, atMs))).toBeLessThanOrEqual(0.5);
    }
  });

  it('does not make bursts of a flow', () => {
    const random = seededRandom(3);
    let recurrence = NO_RECURRENCE;
    for (let nowMs = 1_000; nowMs <= 60 * MINUTE; nowMs += 1_000) {
      const events = Array.from({ length: 200 }, () => Number(random() < 0.1)).reduce((sum, one) => sum + one, 0);
      const arrived = { events, elapsedMs: 1_000, usualRate: 20, waitsMs: [] };
      recurrence = observeRecurrence(recurrence, arrived, TARGET_MS, nowMs);
    }
    expect(recurrence.watch.bursts).toEqual([]);
  });
});

it('intervals shorter than twenty seconds are a flow, not a schedule', () => {
  const bursts = each(7_000, 16).map((atMs) => ({ atMs, jobs: 50, lastsMs: 0 }));
  const periods = expectBursts(bursts).map(({ periodMs }) => periodMs);
  expect(new Set(periods)).toEqual(new Set([21_000]));
});
