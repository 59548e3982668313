import { describe, expect, it } from 'vitest';
import { MOST_WAITS } from './finished-jobs.ts';
import {
  emptyHistory,
  estimateQueue,
  observeQueue,
  untilBurstSampleMs,
  withHorizon,
  type QueueHistory,
} from './queue-history.ts';
import type { FinishedJobs } from './finished-jobs.ts';
import type { QueueCounters } from './queue-history.ts';

type Sample = Partial<QueueCounters> & { jobs?: Partial<FinishedJobs> };

/** Samples once a second, from second 0; what a sample does not say is 0. */
function after(samples: Sample[], history: QueueHistory = emptyHistory(0, 5_000), fromSecond = 0): QueueHistory {
  return samples.reduce((past, { jobs, ...counters }, index) => {
    const atMs = (fromSecond + index) * 1_000;
    const finished = jobs && { completed: 0, failed: 0, waitsMs: [], serviceMs: [], ...jobs };
    return observeQueue(past, { atMs, ready: 0, active: 0, notYetReady: 0, addCounter: 0, ...counters }, finished);
  }, history);
}
const seconds = (n: number, sample: (second: number) => Sample): Sample[] =>
  Array.from({ length: n }, (_, second) => sample(second));
/** Of arrivals that become half a job per second more each second. */
const rising = (from: number, to: number): Sample[] =>
  seconds(to, (s) => ({ addCounter: 10 * s + Math.floor(s ** 2 / 4) })).slice(from);

describe('arrivals', () => {
  it('are unknown after one sample: no data is not 0', () => {
    expect(estimateQueue(after([{ addCounter: 5_000 }]), 0)).not.toHaveProperty('arrivalRate');
  });

  it('approach the true rate', () => {
    const { arrivalRate, newArrivals } = estimateQueue(after(seconds(300, (s) => ({ addCounter: s * 20 }))), 299_000);
    expect(arrivalRate).toBeCloseTo(20, 0);
    expect(newArrivals).toBe(20);
  });

  it('of a queue that never had a job are remembered by its two samples, and count as if all had been', () => {
    const nothing = { ready: 0, active: 0, notYetReady: 0 };
    let silent = emptyHistory(0, 5_000);
    for (let second = 0; second < 300; second++) {
      silent = observeQueue(silent, { atMs: second * 1_000, ...nothing }, undefined);
    }
    expect(silent).not.toHaveProperty('arrivals');
    const sampled = after(seconds(300, () => ({ addCounter: 0 })));
    expect(estimateQueue(silent, 299_000)).toEqual(estimateQueue(sampled, 299_000));
    const jobs = seconds(5, (s) => ({ addCounter: 10 * (s + 1), ready: 10, active: 5 }));
    const [one, other] = [silent, sampled].map((past) => estimateQueue(after(jobs, past, 300), 304_000));
    expect(one!.arrivalRate).toBeCloseTo(other!.arrivalRate!, 9);
    expect(one!.forecast!.ratePerSecond).toBeCloseTo(other!.forecast!.ratePerSecond, 9);
    expect(one).toMatchObject({ newArrivals: 10, rise: other!.rise });
  });

  it('show a rise within four seconds, about as high as it is', () => {
    const history = after(seconds(64, (s) => ({ addCounter: s < 60 ? s * 20 : 1_200 + (s - 60) * 160 })));
    const { rise } = estimateQueue(history, 63_000);
    expect(rise?.lastedMs).toBe(3_000);
    expect(rise?.ratePerSecond).toBeGreaterThanOrEqual(160);
    expect(rise?.ratePerSecond).toBeLessThan(180);
  });

  it('do not take a thousand jobs added at once for a flow', () => {
    const history = after(seconds(20, (s) => ({ addCounter: s < 10 ? 0 : 1_000 })));
    const { rise, arrivalRate } = estimateQueue(history, 19_000);
    expect(rise).toBeUndefined();
    expect(arrivalRate).toBeLessThan(25);
  });

  it('count a delayed job when it falls due, not when it is added', () => {
    const added = after([{ addCounter: 0 }, { addCounter: 100, notYetReady: 100 }]);
    expect(estimateQueue(added, 1_000).newArrivals).toBe(0);
    const due = after([{ addCounter: 100, notYetReady: 90 }], added, 2);
    expect(estimateQueue(due, 2_000).newArrivals).toBe(10);
  });

  it('start over when the counter goes back: the queue was obliterated', () => {
    const history = after([{ addCounter: 500 }, { addCounter: 600 }, { addCounter: 3 }]);
    expect(estimateQueue(history, 2_000)).not.toHaveProperty('arrivalRate');
  });

  it('are at most 3 per silence: a rate that is not seen any more is not believed for long', () => {
    const history = after([
      ...seconds(100, (s) => ({ addCounter: s * 100 })),
      ...seconds(60, () => ({ addCounter: 9_900 })),
    ]);
    expect(estimateQueue(history, 159_000).arrivalRate).toBeLessThanOrEqual(3 / 60);
  });

  it('that have changed for good do not pass for arrivals that vary', () => {
    const history = after(seconds(120, (s) => ({ addCounter: s < 60 ? s * 20 : 1_200 + (s - 60) * 160 })));
    expect(estimateQueue(history, 119_000).arrivalScv).toBeLessThan(3);
  });

  it('in batches are distinguished from a steady trickle', () => {
    const steady = after(seconds(600, (s) => ({ addCounter: s * 10 })));
    const batched = after(seconds(600, (s) => ({ addCounter: Math.floor(s / 10) * 100 })));
    expect(estimateQueue(steady, 599_000).arrivalScv).toBe(1);
    expect(estimateQueue(batched, 599_000).arrivalScv).toBeGreaterThan(5);
  });
});

describe('service time', () => {
  it('is the mean of finished jobs, with its variability', () => {
    const jobs = { completed: 20, serviceMs: [...Array(10).fill(100), ...Array(10).fill(300)] as number[] };
    const estimates = estimateQueue(after([{}, { jobs }]), 1_000);
    expect(estimates).toMatchObject({ serviceTimeMs: 200, serviceTimeSource: 'finished' });
    expect(estimates.serviceScv).toBeCloseTo(0.25);
  });

  it('follows from the flow where finished jobs are removed: Little’s law', () => {
    const history = after(seconds(120, (s) => ({ addCounter: s * 10, active: 25 })));
    const estimates = estimateQueue(history, 119_000);
    expect(estimates.serviceTimeSource).toBe('flow');
    expect(estimates.serviceTimeMs).toBeCloseTo(2_500, -2);
  });

  it('is unknown while nothing ran', () => {
    expect(estimateQueue(after(seconds(60, (s) => ({ addCounter: s, ready: s }))), 59_000)).not.toHaveProperty(
      'serviceTimeMs',
    );
  });
});

describe('waits and failures', () => {
  it('give percentiles that occurred, of the last minute only', () => {
    const waitsMs = Array.from({ length: 100 }, (_, n) => n + 1);
    const history = after([{ jobs: { completed: 100, waitsMs } }]);
    expect(estimateQueue(history, 0).waitMs).toEqual({ p50: 50, p95: 95, p99: 99 });
    expect(estimateQueue(history, 61_000)).not.toHaveProperty('waitMs');
  });

  it('stay bounded however many jobs finish', () => {
    const history = after(seconds(60, () => ({ jobs: { completed: 100, waitsMs: Array<number>(100).fill(1) } })));
    expect(history.finished.waits).toHaveLength(MOST_WAITS);
  });

  it('give the share that failed', () => {
    const { errorRate, finishedJobs } = estimateQueue(after([{}, { jobs: { completed: 30, failed: 90 } }]), 1_000);
    expect(errorRate).toBeCloseTo(0.75);
    expect(finishedJobs).toBeGreaterThan(100);
  });

  it('give no error rate when nothing has finished', () => {
    expect(estimateQueue(after([{}, { jobs: {} }]), 1_000)).not.toHaveProperty('errorRate');
  });
});

describe('what is to come', () => {
  it('is unknown at first and after a restart', () => {
    expect(estimateQueue(after([{}, { addCounter: 5 }]), 1_000)).not.toHaveProperty('forecast');
    expect(untilBurstSampleMs(emptyHistory(0, 5_000), 0)).toBeUndefined();
  });

  it('is a rate, with what such forecasts have been worth', () => {
    const { forecast } = estimateQueue(after(seconds(300, (s) => ({ addCounter: s * 20 }))), 299_000);
    expect(forecast?.ratePerSecond).toBeCloseTo(20, 1);
    expect(forecast?.confidence).toBeLessThan(0.5); // there was no growth to forecast
  });

  it('is a rate for the new time ahead, which has to prove its worth anew, once pods turn out to take longer', () => {
    const before = after(rising(0, 600));
    expect(estimateQueue(before, 599_000).forecast?.confidence).toBeGreaterThan(0.5);
    const changed = withHorizon(before, 40_000);
    expect(estimateQueue(changed, 599_000)).not.toHaveProperty('forecast');
    const young = estimateQueue(after(rising(600, 650), changed, 600), 649_000).forecast;
    expect(young?.confidence).toBe(0);
    // 334.5 per second come now, and 354.5 will in 40 s.
    expect(young?.ratePerSecond).toBeGreaterThan(344.5);
    expect(young?.ratePerSecond).toBeLessThan(374.5);
    expect(estimateQueue(after(rising(600, 900), changed, 600), 899_000).forecast?.confidence).toBeGreaterThan(0.5);
  });

  it('stays what it is while the time ahead does', () => {
    const history = after(seconds(60, (s) => ({ addCounter: s * 20 })));
    expect(withHorizon(history, history.horizonMs)).toBe(history);
    expect(withHorizon(history, 9_000).forecast).toBe(history.forecast);
  });

  describe('of a burst every five minutes that was always late', () => {
    const jobs = { completed: 40, waitsMs: Array<number>(40).fill(9_000) };
    const history = after(
      seconds(30 * 60, (s) => ({ addCounter: 200 * Math.floor(s / 300), ...(s > 300 && s % 300 === 20 && { jobs }) })),
    );
    const lastMs = 25 * 60_000;

    it('is sampled at a pod’s start time before it, once', () => {
      const dueMs = lastMs + 300_000 - 10_000;
      expect(untilBurstSampleMs(history, dueMs - 7_000)).toBeCloseTo(6_000, -4);
      expect(untilBurstSampleMs(history, dueMs + 1_000)).toBeUndefined();
    });

    it('is sampled earlier, and given earlier, where pods turn out to take longer', () => {
      const slow = withHorizon(history, 60_000);
      expect(untilBurstSampleMs(slow, lastMs + 230_000)).toBeCloseTo(10_000, -4);
      expect(estimateQueue(slow, lastMs + 200_000)).not.toHaveProperty('expectedBurst');
      expect(estimateQueue(slow, lastMs + 245_000)).toHaveProperty('expectedBurst');
    });

    it('is given within a pod’s start time of it, not before', () => {
      expect(estimateQueue(history, lastMs + 200_000)).not.toHaveProperty('expectedBurst');
      expect(estimateQueue(history, lastMs + 295_000).expectedBurst).toMatchObject({
        jobs: expect.closeTo(200, 0) as number,
        periodMs: 300_000,
        confidence: 0.5,
      });
    });
  });
});
