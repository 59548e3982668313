import { expect, it } from 'vitest';
import { UsageMeter, type MeterSources } from './meter.ts';
import type { ResourceReading } from './resources.ts';

const MI = 2 ** 20;

/** A meter of 4 slots on numbers that the test sets. */
function aMeter(over: Partial<MeterSources> = {}) {
  const state = {
    nowMs: 0,
    stuck: 0,
    resources: { cpuSeconds: 0, memoryBytes: 100 * MI } as ResourceReading,
    eventLoop: { idle: 0, active: 0, utilization: 0 },
  };
  const meter = new UsageMeter(4, {
    now: () => state.nowMs,
    resources: () => state.resources,
    eventLoop: () => state.eventLoop,
    ...over,
  });
  return { state, meter };
}

it('returns nothing for a time in which no job ran', () => {
  const { state, meter } = aMeter();
  state.nowMs = 30_000;
  expect(meter.take()).toBeUndefined();
});

it('counts busy slots exactly, over jobs that began before and end after', () => {
  const { state, meter } = aMeter();
  const [endA, endB] = [meter.begin(), meter.begin()];
  state.nowMs = 5_000;
  endA();
  state.nowMs = 10_000;
  expect(meter.take()).toMatchObject({ periodMs: 10_000, slots: 4, busy: 1.5, jobs: 1, runMs: 5_000 });
  state.nowMs = 14_000;
  endB();
  state.nowMs = 20_000;
  expect(meter.take()).toMatchObject({ busy: 0.4, jobs: 1, runMs: 14_000 });
  state.nowMs = 30_000;
  expect(meter.take()).toBeUndefined();
});

it('returns CPU, event loop and throttling of the time since the last call', () => {
  const { state, meter } = aMeter();
  state.resources = { cpuSeconds: 7, memoryBytes: 0, cpuPeriods: 100, cpuPeriodsThrottled: 50 };
  state.nowMs = 1_000;
  meter.take();
  meter.begin();
  state.nowMs = 11_000;
  state.eventLoop = { idle: 6_000, active: 4_000, utilization: 0.4 };
  state.resources = { cpuSeconds: 12, memoryBytes: 0, cpuPeriods: 200, cpuPeriodsThrottled: 60 };
  const usage = meter.take();
  expect(usage).toMatchObject({ cpu: 0.5, eventLoop: 0.4, throttled: 0.1, jobs: 0 });
  expect(usage).not.toHaveProperty('runMs');
});

it('returns the highest memory that it sampled, and the limit where there is one', () => {
  const { state, meter } = aMeter();
  meter.begin();
  state.nowMs = 2_000;
  state.resources = { cpuSeconds: 0, memoryBytes: 300 * MI };
  expect(meter.sample()).toBe(0);
  state.nowMs = 4_000;
  state.resources = { cpuSeconds: 0, memoryBytes: 120 * MI, memoryLimitBytes: 512 * MI };
  expect(meter.sample()).toBeCloseTo(120 / 512);
  expect(meter.take()).toMatchObject({ memory: 300 * MI, memoryLimit: 512 * MI });
  state.nowMs = 6_000;
  expect(meter.take()).toMatchObject({ memory: 120 * MI });
});

it('returns the lag of the event loop, and handlers that are stuck, even when no job ran', () => {
  const { state, meter } = aMeter({ lag: () => ({ p99Ms: 850, maxMs: 900 }), stuckHandlers: () => state.stuck });
  meter.begin()();
  state.nowMs = 10_000;
  expect(meter.take()).toBeUndefined();
  state.stuck = 2;
  state.nowMs = 20_000;
  expect(meter.take()).toMatchObject({ busy: 0, lagP99Ms: 850, lagMaxMs: 900, stuck: 2 });
  state.stuck = 0;
  state.nowMs = 30_000;
  expect(meter.take(true)).toMatchObject({ busy: 0, periodMs: 10_000 });
  state.nowMs = 40_000;
  expect(meter.take(true)).not.toHaveProperty('stuck');
});

it('measures this process when it is given nothing else', () => {
  const meter = new UsageMeter(1);
  const end = meter.begin();
  const untilMs = performance.now() + 20;
  while (performance.now() < untilMs);
  end();
  const usage = meter.take()!;
  expect(usage.memory).toBeGreaterThan(10 * MI);
  expect(usage.cpu).toBeGreaterThan(0);
  expect(usage.busy).toBeGreaterThan(0.5);
});
