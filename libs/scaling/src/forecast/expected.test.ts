import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decide } from '../decide.ts';
import { queueDemand } from '../demand.ts';
import { aLoad, anObservation, aPool } from '../fixtures.ts';
import type { Decision, QueueEstimates, QueueLoad } from '../model/types.ts';
import { initialState } from '../policy-state.ts';

type Forecasts = Pick<QueueEstimates, 'forecast' | 'expectedBurst'>;

/** Jobs that waited longer than the half of the target that is for pods to start. */
const WAITED = { p50: 500, p95: 3_000, p99: 4_000 };
const FLOWING = { arrivalRate: 20, newArrivals: 20, arrivalMemoryMs: 43_281, waitMs: WAITED };
const RISING = { ratePerSecond: 60, confidence: 0.8 };
const BURST = { inMs: 8_200, jobs: 600, periodMs: 480_000, confidence: 0.8 };

function flowing(forecasts: Forecasts, over: Partial<QueueLoad> = {}): QueueLoad {
  return aLoad({ active: 20, ...over, estimates: { ...FLOWING, ...forecasts } });
}
function resting(forecasts: Forecasts): QueueLoad {
  return aLoad({ estimates: { arrivalRate: 5, newArrivals: 0, waitMs: WAITED, ...forecasts } });
}
const slots = (load: QueueLoad): number => queueDemand(load, 5_000).slots;
function decision(load: QueueLoad, replicas: number): Decision {
  return decide(aPool(), initialState(0), anObservation(replicas, load), 0).decision;
}

describe('a forecast rate', () => {
  it('adds to the demand the part of the growth that such forecasts have been worth', () => {
    const doubled = slots(aLoad({ active: 20, estimates: { ...FLOWING, arrivalRate: 52 } }));
    expect(slots(flowing({ forecast: RISING }))).toBe(doubled);
  });

  it('is not acted on when such forecasts were worth little', () => {
    expect(slots(flowing({ forecast: { ...RISING, confidence: 0.49 } }))).toBe(slots(flowing({})));
  });

  it('is not acted on while jobs wait less than pods may take to start', () => {
    const inTime = { ...FLOWING, waitMs: { ...WAITED, p95: 2_500 } };
    const slotsIn = (more: Forecasts): number => slots(aLoad({ active: 20, estimates: { ...inTime, ...more } }));
    expect(slotsIn({ forecast: RISING })).toBe(slotsIn({}));
  });

  it('of less takes nothing away', () => {
    expect(slots(flowing({ forecast: { ratePerSecond: 0, confidence: 1 } }))).toBe(slots(flowing({})));
  });

  it('keeps no queue from zero in which nothing is', () => {
    expect(slots(resting({ forecast: RISING }))).toBe(0);
  });

  it('is given in the sentence and in the signal', () => {
    const { reason, signals } = decision(flowing({ forecast: RISING }), 3);
    expect(reason).toContain('20 jobs arrive per second and 60 are expected soon');
    expect(signals[0]).toMatchObject({ arrivalRate: 20, forecastRate: 60 });
  });
});

describe('an expected burst', () => {
  it('whose jobs come over a minute asks for the slots of their flow, not for those of a line', () => {
    const over = (lastsMs: number): number => slots(resting({ expectedBurst: { ...BURST, lastsMs } }));
    expect(over(0)).toBe(slots(resting({ expectedBurst: BURST })));
    expect(over(60_000)).toBeCloseTo(10);
    expect(over(1_000)).toBe(over(0));
  });

  it('asks for the slots that it will ask for when it is there, also of a pool at zero', () => {
    expect(slots(resting({ expectedBurst: BURST }))).toBeCloseTo(slots(aLoad({ ready: 600 })));
  });

  it('is not counted on top of what is there: its jobs are among them', () => {
    const there = { ready: 700, active: 0 };
    expect(slots(flowing({ expectedBurst: BURST }, there))).toBe(slots(flowing({}, there)));
  });

  it('is not acted on when the bursts have not followed the schedule', () => {
    expect(slots(resting({ expectedBurst: { ...BURST, confidence: 0.4 } }))).toBe(0);
  });

  it('is given in the sentence, with the schedule', () => {
    const { reason, desired, signals } = decision(resting({ expectedBurst: BURST }), 0);
    expect(desired).toBe(18);
    expect(reason).toContain('about 600 jobs are expected in 9 s, as every 8 min before');
    expect(signals[0]!.wants).toBe(18);
  });

  it('of a paused queue asks for nothing', () => {
    expect(slots({ ...resting({ expectedBurst: BURST }), paused: true })).toBe(0);
  });
});

describe('no forecast', () => {
  const count = fc.integer({ min: 0, max: 2_000 });
  const rate = fc.double({ min: 0, max: 500, noNaN: true });
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const anyForecasts = fc.record({
    forecast: fc.record({ ratePerSecond: rate, confidence: share }),
    expectedBurst: fc.record({ inMs: count, jobs: count, periodMs: fc.constant(60_000), confidence: share }),
  });
  const anyLoad = fc.record({
    ready: count,
    active: count,
    dueSoon: count,
    paused: fc.boolean(),
    rateLimitPerSecond: fc.integer({ min: 1, max: 200 }),
    globalConcurrency: fc.integer({ min: 1, max: 200 }),
    estimates: fc.record({
      arrivalRate: rate,
      newArrivals: count,
      serviceTimeMs: fc.integer({ min: 1, max: 60_000 }),
      waitMs: fc.constant(WAITED),
    }),
  });
  const replicas = fc.integer({ min: 0, max: 100 });

  it('makes a pool smaller than it would be without, now or later', () => {
    fc.assert(
      fc.property(anyLoad, anyForecasts, replicas, (load, forecasts, current) => {
        const without = aLoad(load);
        const withForecast = aLoad({ ...load, estimates: { ...load.estimates, ...forecasts } });
        expect(decision(withForecast, current).desired).toBeGreaterThanOrEqual(decision(without, current).desired);
        const [more, less] = [withForecast, without].map((each) => queueDemand(each, 5_000));
        expect(more!.remembered).toBeGreaterThanOrEqual(less!.remembered);
        expect(more!.lasting).toBe(less!.lasting);
      }),
    );
  });

  it('makes a pool larger than a cap, or than maxReplicas, allows', () => {
    fc.assert(
      fc.property(anyLoad, anyForecasts, replicas, (load, forecasts, current) => {
        const forecast = aLoad({ ...load, estimates: { ...load.estimates, ...forecasts } });
        const most = load.paused ? load.active : load.globalConcurrency;
        expect(queueDemand(forecast, 5_000).slots).toBeLessThanOrEqual(most);
        expect(decision(forecast, current).desired).toBeLessThanOrEqual(100);
      }),
    );
  });
});
