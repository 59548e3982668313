import { describe, expect, test } from 'vitest';
import { aView } from '../fixtures/simulated.ts';
import { waitPercentile } from '../outcome/outcome.ts';
import { KEDA_DEFAULTS, kedaHpa, type KedaSettings } from './keda-hpa.ts';

const AS_INSTALLED: KedaSettings = { ...KEDA_DEFAULTS, metric: 'waiting', target: 5, maxReplicas: 20 };
const TUNED: KedaSettings = { ...AS_INSTALLED, pollingMs: 1_000, scaleUp: 'unlimited' };

/**
 * The sizes of a pool whose line is `ready(ms)` long and never served, by time, as a watch of the Deployment sees them.
 */
function sizes(
  settings: KedaSettings,
  seed: number,
  ready: (atMs: number) => number,
  untilMs: number,
): [number, number][] {
  const scaler = kedaHpa(settings, seed);
  const seen: [number, number][] = [];
  let replicas = 0;
  for (let nowMs = 0; nowMs < untilMs;) {
    const { desired = replicas, nextMs } = scaler.tick(
      aView({ nowMs, replicas, readyPods: replicas, ready: ready(nowMs) }),
    );
    if (desired !== replicas) seen.push([nowMs, desired]);
    replicas = desired;
    nowMs = nextMs;
  }
  return seen;
}

/** Seconds from a burst of 100 jobs until there are this many replicas, over many phases of the two timers. */
function secondsTo(size: number, settings: KedaSettings): number[] {
  const burstMs = 60_000;
  return Array.from({ length: 150 }, (_, seed) => {
    const steps = sizes(settings, seed + 1, (atMs) => (atMs < burstMs ? 0 : 100), 400_000);
    return (steps.find(([, replicas]) => replicas === size)![0] - burstMs) / 1_000;
  });
}

const median = (values: readonly number[]): number =>
  waitPercentile({ waitsMs: Float64Array.from(values) } as never, 0.5);

// Measured by `make bench NAME=reaction-vs-keda`: KEDA 2.21.0, Kubernetes 1.36.3, 100 jobs at once, 5 per replica, at
// most 20.
describe('the model of KEDA and the HPA agrees with the real ones', { timeout: 60_000 }, () => {
  test('as installed: 0 → 1 → 4 → 8 → 16 → 20', () => {
    const steps = sizes(AS_INSTALLED, 1, () => 100, 200_000);
    expect(steps.map(([, replicas]) => replicas)).toEqual([1, 4, 8, 16, 20]);
  });

  test('as installed the final size comes after 49 to 89 s, half of the time after 64 to 76 s', () => {
    const seconds = secondsTo(20, AS_INSTALLED);
    expect(Math.min(...seconds)).toBeGreaterThan(44);
    expect(Math.max(...seconds)).toBeLessThan(91);
    expect(median(seconds)).toBeGreaterThan(64);
    expect(median(seconds)).toBeLessThan(76);
  });

  test('tuned: 0 → 1 → 20, after 1 to 16 s, half of the time after 5 to 9.5 s', () => {
    expect(sizes(TUNED, 1, () => 100, 200_000).map(([, replicas]) => replicas)).toEqual([1, 20]);
    const seconds = secondsTo(20, TUNED);
    expect(Math.max(...seconds)).toBeLessThan(16.1);
    expect(median(seconds)).toBeGreaterThan(5);
    expect(median(seconds)).toBeLessThan(9.5);
  });

  test('the first pod comes with the next poll: within 30 s as installed, within 1 s tuned, half of the time within half of that', () => {
    for (const settings of [AS_INSTALLED, TUNED]) {
      const seconds = secondsTo(1, settings);
      const pollS = settings.pollingMs / 1_000;
      expect(Math.max(...seconds)).toBeLessThanOrEqual(pollS);
      expect(median(seconds) / pollS).toBeGreaterThan(0.4);
      expect(median(seconds) / pollS).toBeLessThan(0.6);
    }
  });

  test('as installed it is at zero 270 to 300 s after the line is empty, mostly straight from 20', () => {
    const ends = Array.from({ length: 40 }, (_, seed) =>
      sizes(AS_INSTALLED, seed + 1, (atMs) => (atMs < 300_000 ? 100 : 0), 700_000).slice(-2),
    );
    for (const [, [goneMs, replicas]] of ends as [[number, number], [number, number]][]) {
      expect(replicas).toBe(0);
      expect((goneMs - 300_000) / 1_000).toBeGreaterThanOrEqual(270);
      expect((goneMs - 300_000) / 1_000).toBeLessThanOrEqual(300);
    }
    expect(ends.filter(([before]) => before![1] === 20).length).toBeGreaterThan(20);
  });

  test('tuned it goes to one after the stabilisation window, and from there to zero', () => {
    const steps = sizes(TUNED, 3, (atMs) => (atMs < 300_000 ? 100 : 0), 700_000);
    expect(steps.slice(-2).map(([, replicas]) => replicas)).toEqual([1, 0]);
  });

  test('a metric within a tenth of the target changes nothing', () => {
    const settings = { ...TUNED, target: 10 };
    const steps = sizes(settings, 2, (atMs) => (atMs < 60_000 ? 100 : 108), 200_000);
    expect(steps.map(([, replicas]) => replicas)).toEqual([1, 10]);
  });
});
