import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { queueDemand } from './demand.ts';
import { aLoad } from './fixtures.ts';
import { loadOfPool, shareOfQueue, type Slots } from './share.ts';

function sumOf(pools: readonly Slots[]): Slots {
  const sum = (of: (slots: Slots) => number): number => pools.reduce((total, slots) => total + of(slots), 0);
  return { present: sum(({ present }) => present), most: sum(({ most }) => most) };
}

function shares(pools: readonly Slots[], demanded: number): number[] {
  return pools.map((own) => shareOfQueue(own, sumOf(pools), demanded));
}

it('pools on one queue ask together for what one would', () => {
  const aSize = fc.record({ replicas: fc.integer({ min: 0, max: 400 }), room: fc.integer({ min: 0, max: 400 }) });
  fc.assert(
    fc.property(
      fc.array(aSize, { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 10_000 }),
      (sizes, ready) => {
        const pools = sizes.map(({ replicas, room }): Slots => ({ present: replicas, most: 1 + replicas + room }));
        const alone = queueDemand(aLoad({ ready }), 5_000).slots;
        const together = pools
          .map((own) => loadOfPool(aLoad({ ready }), { own, all: sumOf(pools), waitTargetMs: 5_000 }))
          .reduce((total, load) => total + queueDemand(load, 5_000).slots, 0);
        expect(together).toBeCloseTo(alone, 3);
      },
    ),
  );
});

describe('the part of a queue that is a pool’s', () => {
  it('is what its slots can do, so that a pool that comes takes nothing from one that is there', () => {
    expect(
      shares(
        [
          { present: 80, most: 100 },
          { present: 0, most: 100 },
        ],
        80,
      ),
    ).toEqual([1, 0]);
    expect(
      shares(
        [
          { present: 60, most: 100 },
          { present: 20, most: 100 },
        ],
        40,
      ),
    ).toEqual([0.75, 0.25]);
  });

  it('of what is more goes by the room that each has', () => {
    expect(
      shares(
        [
          { present: 0, most: 50 },
          { present: 0, most: 150 },
        ],
        100,
      ),
    ).toEqual([0.25, 0.75]);
    expect(
      shares(
        [
          { present: 80, most: 100 },
          { present: 0, most: 60 },
        ],
        120,
      ),
    ).toEqual([90 / 120, 30 / 120]);
    expect(
      shares(
        [
          { present: 100, most: 100 },
          { present: 0, most: 100 },
        ],
        150,
      ),
    ).toEqual([100 / 150, 50 / 150]);
  });

  it('of more than all may have goes by what each may have', () => {
    expect(
      shares(
        [
          { present: 50, most: 50 },
          { present: 150, most: 150 },
        ],
        400,
      ),
    ).toEqual([0.25, 0.75]);
  });
});
