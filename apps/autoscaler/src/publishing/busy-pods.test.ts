import { describe, expect, it } from 'vitest';
import type { ActiveHolders } from '@redis-queue/bullmq';
import { busyPods, readBusyPods, type BusyPod } from './busy-pods.ts';
import { aPool, aQueue, aSecret, secretSources } from '../testing/objects.ts';
import { buildTopology } from '../watching/topology.ts';

/** Each job has run for a second. */
const holders = (jobs: Record<string, number>, unnamed = 0): ActiveHolders => ({
  jobsByWorker: new Map(Object.entries(jobs)),
  runMsByWorker: new Map(Object.entries(jobs).map(([pod, count]) => [pod, count * 1_000])),
  unnamed,
  active: Object.values(jobs).reduce((sum, count) => sum + count, unnamed),
});

const jobs = (count: number): BusyPod => ({ jobs: count, runMs: count * 1_000 });
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`workers-1-${n}`, 1]));

describe('the busy pods of a pool', () => {
  it('are those that hold jobs of any of its queues, each with the sum', () => {
    const reads = [holders({ 'workers-1-a': 2 }), holders({ 'workers-1-a': 1, 'workers-1-b': 4 })];
    expect(busyPods('workers', reads)).toEqual({ 'workers-1-a': jobs(3), 'workers-1-b': jobs(4) });
  });

  it('are none when nobody holds a job, which is not the same as unknown', () => {
    expect(busyPods('workers', [holders({})])).toEqual({});
    expect(busyPods('workers', [holders({}), undefined])).toBeUndefined();
  });

  it('do not contain pods of other pools on the same queues', () => {
    expect(busyPods('workers', [holders({ 'others-1-a': 2, 'workers2-1-a': 1 })])).toEqual({});
  });

  it('do not contain those of a pool whose name begins with that of this one', () => {
    const reads = [holders({ 'workers-1-a': 1, 'workers-bulk-1-a': 3 })];
    expect(busyPods('workers', reads, ['workers', 'workers-bulk'])).toEqual({ 'workers-1-a': jobs(1) });
    expect(busyPods('workers-bulk', reads, ['workers', 'workers-bulk'])).toEqual({ 'workers-bulk-1-a': jobs(3) });
  });

  it('are unknown when only workers without a name hold jobs; where others have names, those are somebody else’s', () => {
    expect(busyPods('workers', [holders({}, 3)])).toBeUndefined();
    expect(busyPods('workers', [holders({ 'workers-1-a': 1 }, 3)])).toEqual({ 'workers-1-a': jobs(1) });
  });

  it('are left out of a decision when there are more than a message should carry', () => {
    expect(Object.keys(busyPods('workers', [holders(many(1_000))])!)).toHaveLength(1_000);
    expect(busyPods('workers', [holders(many(1_001))])).toBeUndefined();
  });

  it('have names that pods can have: of others a message could become as long as who writes them wants', () => {
    const forged = [`workers-${'x'.repeat(56)}`, 'workers-\u0001', 'workers-a\n', 'workers-A', 'workers-é'];
    const reads = [
      holders({ [`workers-${'x'.repeat(55)}`]: 2, ...Object.fromEntries(forged.map((name) => [name, 1])) }),
    ];
    expect(busyPods('workers', reads)).toEqual({ [`workers-${'x'.repeat(55)}`]: jobs(2) });
  });

  it('are told from those of the other pools that are scaled by the queues', async () => {
    const topology = buildTopology({
      pools: [aPool('workers', ['emails']), aPool('workers-bulk', ['emails'])],
      queue: (_, name) => aQueue(name),
      secrets: secretSources(() => aSecret('redis://redis')),
    });
    const reader = { holders: () => Promise.resolve(holders({ 'workers-1-a': 1, 'workers-bulk-1-a': 3 })) };
    const pool = topology.pools.get('team/workers')!;
    expect(await readBusyPods(pool, topology.queues, () => reader)).toEqual({ 'workers-1-a': jobs(1) });
  });

  it('are unknown while one of the queues cannot be read', async () => {
    const topology = buildTopology({
      pools: [aPool('workers', ['emails', 'missing'])],
      queue: (_, name) => (name === 'missing' ? undefined : aQueue(name)),
      secrets: secretSources(() => aSecret('redis://redis')),
    });
    const readers = new Map(
      [...topology.targets.keys()].map((key) => [key, { holders: () => Promise.resolve(holders({})) }]),
    );
    const pool = topology.pools.get('team/workers')!;
    expect(await readBusyPods(pool, topology.queues, (key) => readers.get(key))).toBeUndefined();
    expect(
      await readBusyPods({ ...pool, queues: pool.queues.slice(0, 1) }, topology.queues, (key) => readers.get(key)),
    ).toEqual({});
  });
});
