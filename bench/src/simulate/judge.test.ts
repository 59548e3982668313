import { constant, workload, type Workload } from '@redis-queue/simulator';
import { describe, expect, it } from 'vitest';
import { curves } from './curves.ts';
import { geometricMean } from '../measuring/percentile.ts';
import { bestRival, judge } from './judge.ts';
import { judgeAll } from './judge-pool.ts';
import { summarize } from './summary.ts';
import { openStage, STAGE_DEFAULTS } from '../simulation/stage.ts';
import { syntheticWorkloads } from '../simulation/synthetic.ts';

const STAGE = openStage({ concurrency: '4', target: '5s', 'pod-start': '3', seed: '1' });

describe('the rival to beat', () => {
  const rivals = [
    { misses: 0.01, podSeconds: 110 },
    { misses: 0.05, podSeconds: 90 },
    { misses: 0.02, podSeconds: 100 },
    { misses: 0.02, podSeconds: 95 },
  ];
  const attempt = (rival: number, most: { misses: number; podSeconds: number }) => {
    const { misses, podSeconds } = rivals[rival]!;
    return misses > most.misses || podSeconds > most.podSeconds ? undefined : rivals[rival]!;
  };

  it('has the fewest misses of those that cost no more than we do and a hundredth, and of equals costs least', () => {
    expect(bestRival(4, 100, attempt)).toBe(rivals[3]);
    expect(bestRival(4, 109, attempt)).toBe(rivals[0]);
  });

  it('is the cheapest when none is as cheap as we are', () => {
    expect(bestRival(4, 10, attempt)).toBe(rivals[1]);
  });
});

it('a workload is judged against rivals and the clairvoyant, and nothing is lost', { timeout: 120_000 }, () => {
  const addedMs = Float64Array.from({ length: 300 }, (_, job) => 30_000 + job * 200);
  const jobs = workload({ name: 'a & b', durationMs: 180_000, seed: 1, service: constant(2_000) }, addedMs);
  const seen: number[] = [];
  const verdict = judge(jobs, STAGE, (done) => seen.push(done));
  expect(seen.length).toBeGreaterThan(100);
  expect(verdict.loadSlots).toBeCloseTo((300 * 2) / 180);
  expect(verdict.best.podSeconds).toBeLessThanOrEqual(1.01 * verdict.ours.podSeconds);
  expect(verdict.podSecondsToClairvoyant).toBeGreaterThan(1);
  expect(verdict.podSecondsToWork).toBeGreaterThanOrEqual(verdict.podSecondsToClairvoyant!);
  expect(summarize([verdict])).toMatchObject({
    sloMissRatioToBest: expect.closeTo(verdict.sloMissRatio) as number,
    worstTraceRatio: verdict.sloMissRatio,
    podSecondsRatioToClairvoyant: null,
    lost: 0,
  });
  const svg = curves(verdict, 4, STAGE.waitTargetMs);
  expect(svg).toContain('a &amp; b: ready pods of 4 slots, and starts later than 5 s');
  expect(svg.match(/<path/g)).toHaveLength(3);
  expect(svg).not.toContain('NaN');
});

it('synthetic workloads are the same for a seed and differ in name', { timeout: 60_000 }, () => {
  const workloads = syntheticWorkloads(3);
  expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
  expect(syntheticWorkloads(3)[7]).toEqual(workloads[7]);
  for (const { addedMs, durationMs } of workloads) {
    expect(addedMs.length).toBeGreaterThan(100);
    expect(addedMs.at(-1)).toBeLessThanOrEqual(durationMs);
  }
});

it('a stage refuses what it cannot read', () => {
  expect(() => openStage({ concurrency: 'many', target: '5s', 'pod-start': '3', seed: '1' })).toThrow(
    '--concurrency=many: write a number above 0',
  );
  expect(geometricMean([1, 4])).toBe(2);
});

function shortLoad(jobs: number): Workload {
  const addedMs = Float64Array.from({ length: jobs }, (_, n) => n * 300);
  return workload({ name: `${jobs} jobs`, durationMs: 60_000, seed: 2, service: constant(1_000) }, addedMs);
}

it('cases judged in threads give the verdicts of one, in their order', { timeout: 240_000 }, async () => {
  const flags = { ...STAGE_DEFAULTS, concurrency: '2' };
  const cases = [20, 150].map(shortLoad).map((jobs) => ({ workload: jobs, flags }));
  const verdicts = await judgeAll(cases, () => {}, 2);
  expect(verdicts).toEqual(cases.map((one) => judge(one.workload, openStage(flags), () => {})));
});
