import { describe, expect, it } from 'vitest';
import { planFleet } from './fleet.ts';

describe('a fleet', () => {
  it('spreads the queues over the pools, each queue on one pool', () => {
    const fleet = planFleet({ pools: 4, queues: 10 });
    expect(fleet.map(({ queues }) => queues.length)).toEqual([2, 3, 2, 3]);
    expect(new Set(fleet.flatMap(({ queues }) => queues)).size).toBe(10);
    expect(fleet.map(({ name }) => name)).toEqual(['pool-00', 'pool-01', 'pool-02', 'pool-03']);
  });

  it('says that each pool needs a queue', () => {
    expect(() => planFleet({ pools: 3, queues: 2 })).toThrow('3 pools need at least as many queues, not 2');
  });
});
