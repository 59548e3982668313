import { constant, workload, type Workload } from '@redis-queue/simulator';
import { describe, expect, it } from 'vitest';
import { openStage, STAGE_DEFAULTS, type Circumstances } from '../simulation/stage.ts';
import { delayedTwins } from './delayed-twins.ts';
import { judge, type Verdict } from './judge.ts';
import { kindsOfWork } from './kinds-of-work.ts';
import { longWork } from './long-work.ts';
import { summarize } from './summary.ts';

const FLAGS = { ...STAGE_DEFAULTS, concurrency: '2' };

function judged(over: Partial<Workload> = {}, circumstances: Circumstances = {}): Verdict {
  const addedMs = Float64Array.from({ length: 300 }, (_, job) => 20_000 + job * 100);
  const jobs = workload({ name: 'half a minute', durationMs: 120_000, seed: 1, service: constant(1_000) }, addedMs);
  return judge({ ...jobs, ...over }, openStage(FLAGS, 1, circumstances), () => {});
}

describe('what users pay', { timeout: 120_000 }, () => {
  const verdict = judged();

  it('is the share of paid slots that work, the cost beside a fleet of one size, and changes per hour', () => {
    // Half a minute of 10 slots out of two: five pods of two would be there for all of it.
    expect(verdict.utilisation).toBeCloseTo(300 / (verdict.ours.podSeconds * 2), 5);
    expect(verdict.costToFixedFleet).toBeCloseTo(verdict.ours.podSeconds / (120 * 5), 5);
    expect(verdict.changesPerHour).toBe(verdict.ours.changes * 30);
    expect(verdict.discardedWorkMs).toBe(0);
  });

  it('is summed up over what it is about: changes over the traces, use over loads of ten slots', () => {
    expect(summarize([verdict])).toMatchObject({ changesPerHour: null, utilisation: null });
    expect(summarize([verdict], ['half a minute']).changesPerHour).toBe(verdict.changesPerHour);
    expect(summarize([verdict]).costRatioToFixedFleet).toBeCloseTo(verdict.costToFixedFleet!);
    expect(summarize([{ ...verdict, loadSlots: 12 }]).utilisation).toBe(verdict.utilisation);
  });
});

it('a load whose target no size can keep is judged by its cost alone', { timeout: 120_000 }, () => {
  const verdict = judged({ limits: [{ fromMs: 0, max: 1, durationMs: 1_000, by: 'queue' }] });
  expect(verdict.isAttainable).toBe(false);
  expect(verdict.costToFixedFleet).toBeUndefined();
  expect(verdict.podSecondsToClairvoyant).toBeGreaterThan(0.5);
  expect(summarize([verdict])).toMatchObject({ sloMissRatioToBest: null, worstTraceRatio: null });
});

it('pools, pods and nodes are as the case says, for ours and for rivals', { timeout: 120_000 }, () => {
  const bad = judged({}, { badPods: 0.5 });
  expect(bad.runs.ours.supply.at(-1)!.pods).toBeLessThan(bad.runs.ours.changes.at(-1)?.from ?? 0);
  expect(judged({}, { secondPoolS: 30 }).runs.ours.changes.some(({ pool }) => pool === 1)).toBe(true);
  const late = judged({}, { nodes: { podsPerNode: 2, standing: 0, startS: [20, 20] } });
  expect(late.ours.waitP95Ms).toBeGreaterThan(5_000);
});

it('kinds of work are the same for a seed, and every one of them has work', { timeout: 60_000 }, () => {
  const cases = kindsOfWork(2, STAGE_DEFAULTS);
  expect(new Set(cases.map(({ workload: { name } }) => name)).size).toBe(cases.length);
  expect(kindsOfWork(2, STAGE_DEFAULTS)[4]).toEqual(cases[4]);
  for (const { workload: jobs } of cases) expect(jobs.addedMs.length).toBeGreaterThan(100);
});

it('twins differ by their announcement alone, and long work is weighed', { timeout: 120_000 }, () => {
  const [second, ...others] = delayedTwins(1, 'scheduled');
  expect(others).toHaveLength(2);
  expect(second).toMatchObject({ name: 'twins-scheduled', target: '1s', lost: 0 });
  expect(second!.podSecondsRatio).toBeCloseTo(second!.pods / second!.twinPods);
  const [burst] = longWork(1, 'burst-of-1s');
  expect(burst).toMatchObject({ jobs: 100, discardedWorkMs: 0, lost: 0 });
});
