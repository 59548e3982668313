import { systemClock } from '@redis-queue/controller';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { SamplingGroup } from './sampling-groups.ts';
import { SamplingTurns } from './sampling-turns.ts';

// Wall 1: how many Redis targets a tenant has, and whether they answer, costs no other tenant its samples.

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const group = (namespace: string, key: string, host = key): SamplingGroup => ({
  key,
  namespace,
  target: { host, port: 6379 },
  queues: [],
});
const groupsOf = (namespace: string, count: number): SamplingGroup[] =>
  Array.from({ length: count }, (_, i) => group(namespace, `${namespace}-${i}`));
/** One each, of so many namespaces. */
const others = (count: number): SamplingGroup[] =>
  Array.from({ length: count }, (_, i) => group(`good-${i}`, `good-${i}`));

/** Rounds over groups of which the bad take five seconds to fail, one after the other. */
function stage(groups: readonly SamplingGroup[], hangs = ({ namespace }: SamplingGroup) => namespace === 'bad') {
  const turns = new SamplingTurns(systemClock);
  return async () => {
    const beganMs = performance.now();
    let underWay = 0;
    const report = {
      most: 0,
      readMs: new Map<string, number>(),
      failed: [] as string[],
      missed: [] as string[],
      waits: [] as string[],
    };
    const round = turns.round(groups, {
      sample: async (sampled, waits) => {
        const { key } = sampled;
        if (waits) report.waits.push(key);
        report.most = Math.max(report.most, ++underWay);
        if (hangs(sampled)) {
          await delay(5_000);
          underWay--;
          report.failed.push(key);
          return { read: [], answered: false };
        }
        await delay(10);
        underWay--;
        report.readMs.set(key, performance.now() - beganMs);
        return { read: [key], answered: true };
      },
      onMissed: ({ key }, waits) => void report.missed.push(waits ? `${key} ${waits.reason}` : key),
    });
    await vi.runAllTimersAsync();
    const read = await round;
    return { ...report, read, tookMs: performance.now() - beganMs };
  };
}

it('800 targets that hang, of one namespace, put off nobody else, and no round is late', async () => {
  const round = stage([...groupsOf('bad', 800), ...others(50)]);
  for (let rounds = 0; rounds < 4; rounds++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { read, readMs, most, tookMs } = await round();
    expect(most).toBeLessThanOrEqual(32);
    expect(read).toHaveLength(50);
    expect(Math.max(...readMs.values())).toBeLessThanOrEqual(100);
    expect(tookMs).toBeLessThanOrEqual(11_000);
  }
});

it('800 targets that hang and name the Redis of another namespace keep it from no sample', async () => {
  const bad = Array.from({ length: 800 }, (_, i) => group('bad', `bad-${i}`, 'shared'));
  const shop = group('shop', 'shop', 'shared');
  const round = stage([...bad, shop, ...others(20)]);
  for (let rounds = 0; rounds < 12; rounds++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { read, readMs, failed } = await round();
    expect(read).toHaveLength(21);
    expect(readMs.get('shop')).toBeLessThanOrEqual(100);
    expect(failed.length).toBeGreaterThan(0);
  }
});

it('140 namespaces with a target that hangs have turns, also one that has others that answer', async () => {
  const mixed = [group('shop', 'shop-hangs'), group('shop', 'shop-answers')];
  const hanging = Array.from({ length: 140 }, (_, i) => group(`hangs-${i}`, `hangs-${i}`));
  const round = stage([...hanging, ...mixed], ({ key }) => key.includes('hangs'));
  const failed = new Set<string>();
  for (let rounds = 0; rounds < 8; rounds++) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const key of (await round()).failed) failed.add(key);
  }
  expect(failed.size).toBe(141);
});

it('each of them has its turn, in later rounds, and says after three without one that it waits', async () => {
  const round = stage(groupsOf('bad', 60));
  const failed = new Set<string>();
  const reports = [];
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  while (failed.size < 60) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const report = await round();
    reports.push(report);
    for (const key of report.failed) failed.add(key);
    expect(reports.length).toBeLessThan(10);
  }
  const said = reports.map(({ missed }) => missed.filter((text) => text.endsWith('WaitingForTurn')).length);
  expect(said.slice(0, 2)).toEqual([0, 0]);
  expect(said[2]).toBeGreaterThan(0);
  // Who had a turn after that long goes on saying so, or it would be said and taken back in turns.
  expect(reports.at(-1)!.waits.length).toBeGreaterThan(0);
});

it('what did not answer the last time goes after all that did, whoever has it', async () => {
  const groups = [...Array.from({ length: 40 }, (_, i) => group('bad', `b${i}`)), ...others(300)];
  const round = stage(groups);
  await round();
  const { readMs } = await round();
  expect(readMs.size).toBe(300);
  expect(Math.max(...readMs.values())).toBeLessThanOrEqual(200);
});
