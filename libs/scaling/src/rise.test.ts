import { array, assert, double, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { poissonArrivals, seededRandom, steps } from '@redis-queue/simulator';
import { addRecent, findRise, type RecentArrivals } from './rise.ts';

const HOUR = 3_600_000;

/** As the docstring describes it, span by span. */
function literally(recent: readonly RecentArrivals[], perSecond: number): number {
  let strongest = Math.max(6, Math.log(perSecond * 5_400));
  let rate = 0;
  let most = Infinity;
  for (let bins = 3; bins <= recent.length; bins++) {
    const span = recent.slice(-bins);
    const byRate = span.toSorted((a, b) => b.events / b.elapsedMs - a.events / a.elapsedMs);
    const level = byRate[2]!.events / byRate[2]!.elapsedMs;
    const elapsedMs = span.reduce((sum, bin) => sum + bin.elapsedMs, 0);
    const n = byRate.reduce((sum, bin, at) => sum + (at < 2 ? level * bin.elapsedMs : bin.events), 0);
    const expected = Math.max(0.5, (perSecond * elapsedMs) / 1_000);
    const events = span.reduce((sum, bin) => sum + bin.events, 0);
    most = Math.min(most, ((events + 3 * Math.sqrt(events) + 3) * 1_000) / elapsedMs);
    const proof = n > expected ? n * Math.log(n / expected) - (n - expected) : 0;
    if (proof > strongest) [strongest, rate] = [proof, Math.min(most, ((n + Math.sqrt(n)) * 1_000) / elapsedMs)];
  }
  return rate > perSecond ? rate : 0;
}

/** Samples, once a second, arrivals that come as `times` says. */
function watch(times: Float64Array, durationMs: number, onSample: (recent: readonly RecentArrivals[]) => void): void {
  let recent: RecentArrivals[] = [];
  let job = 0;
  for (let atMs = 1_000; atMs <= durationMs; atMs += 1_000) {
    const first = job;
    while (job < times.length && times[job]! < atMs) job++;
    recent = addRecent(recent, job - first, 1_000);
    onSample(recent);
  }
}

describe('the rise that the last seconds prove', () => {
  it('is that of the span which is least likely under the average, its two fullest bins clipped', () => {
    const bins = array(record({ events: integer({ min: 0, max: 40 }), elapsedMs: integer({ min: 900, max: 2_000 }) }));
    assert(
      property(bins, double({ min: 0, max: 20, noNaN: true }), (recent, perSecond) => {
        expect(findRise(recent, perSecond, 1)?.ratePerSecond ?? 0).toBeCloseTo(literally(recent, perSecond), 6);
      }),
    );
  });

  it('does not depend on silence before the first job, which is not kept', () => {
    const bin = record({ events: integer({ min: 0, max: 40 }), elapsedMs: integer({ min: 900, max: 2_000 }) });
    const silence = array(integer({ min: 900, max: 60_000 }).map((elapsedMs) => ({ events: 0, elapsedMs })));
    assert(
      property(silence, array(bin), double({ min: 0, max: 20, noNaN: true }), (before, bins, perSecond) => {
        expect(findRise([...before, ...bins], perSecond, 1)).toEqual(findRise(bins, perSecond, 1));
      }),
    );
    const collected = [0, 0, 3, 0].reduce<RecentArrivals[]>((recent, events) => addRecent(recent, events, 1_000), []);
    expect(collected).toEqual([
      { events: 3, elapsedMs: 1_000 },
      { events: 0, elapsedMs: 1_000 },
    ]);
  });

  it('does not take jobs that were added at once for a flow', () => {
    const quiet = Array.from({ length: 10 }, () => ({ events: 0, elapsedMs: 1_000 }));
    expect(findRise([...quiet, { events: 500, elapsedMs: 1_000 }], 0, 1)).toBeUndefined();
    expect(
      findRise([...quiet, { events: 250, elapsedMs: 1_000 }, { events: 250, elapsedMs: 900 }], 0, 1),
    ).toBeUndefined();
  });

  it.each([0.3, 5, 50])('is never found in hours of a constant Poisson load of %d jobs per second', (perSecond) => {
    let seen = 0;
    for (const seed of [1, 2, 3]) {
      const times = poissonArrivals(() => perSecond, perSecond, HOUR, seededRandom(seed));
      watch(times, HOUR, (recent) => (seen += findRise(recent, perSecond, 1) === undefined ? 0 : 1));
    }
    expect(seen).toBe(0);
  });

  it.each([
    [50, 2, 4],
    [50, 8, 3],
    [5, 4, 5],
    [0.3, 8, 16],
  ])(
    'from %d jobs per second to %d times as many is seen within %d s, about as high as it is',
    (before, times, within) => {
      const perSecond = before * times;
      const risen = poissonArrivals((atMs) => (atMs < 60_000 ? before : perSecond), perSecond, 80_000, seededRandom(4));
      let last: readonly RecentArrivals[] = [];
      watch(risen, 60_000 + within * 1_000, (recent) => (last = recent));
      const rise = findRise(last, before, 1);
      expect(rise!.ratePerSecond).toBeGreaterThan(0.6 * perSecond);
      expect(rise!.ratePerSecond).toBeLessThan(1.5 * perSecond);
      expect(rise!.lastedMs).toBeLessThanOrEqual(within * 1_000 + 2_000);
    },
  );

  it('is over within seconds when the load falls back, long before an average is', () => {
    const rate = steps([
      [0, 2],
      [60_000, 40],
      [90_000, 2],
    ]);
    const times = poissonArrivals(rate, 40, 120_000, seededRandom(5));
    const seen: (number | undefined)[] = [];
    watch(times, 120_000, (recent) => seen.push(findRise(recent, 6, 1)?.ratePerSecond));
    expect(seen[84]).toBeGreaterThan(30);
    expect(seen.slice(95)).toEqual(Array(25).fill(undefined));
  });

  it('needs more proof of arrivals that vary more than by chance', () => {
    const bins = Array.from({ length: 4 }, () => ({ events: 25, elapsedMs: 1_000 }));
    expect(findRise(bins, 10, 1)).toBeDefined();
    expect(findRise(bins, 10, 5)).toBeUndefined();
  });

  it('is searched for in at most 60 bins that reach five minutes back, and none of them is lost except by age', () => {
    let recent: RecentArrivals[] = [];
    for (let second = 0; second < 3_600; second++) {
      recent = addRecent(recent, 7, 1_000);
      expect(recent.length).toBeLessThanOrEqual(60);
    }
    const elapsedMs = recent.reduce((sum, bin) => sum + bin.elapsedMs, 0);
    expect(recent.reduce((sum, bin) => sum + bin.events, 0)).toBe((7 * elapsedMs) / 1_000);
    expect(elapsedMs).toBeGreaterThan(200_000);
    expect(elapsedMs).toBeLessThanOrEqual(300_000);
  });
});
