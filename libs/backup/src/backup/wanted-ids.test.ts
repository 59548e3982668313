import { describe, expect, it } from 'vitest';
import { WantedIds } from './wanted-ids.ts';

describe('wanted ids', () => {
  it('are taken once, and others not at all', () => {
    const wanted = new WantedIds();
    for (const id of ['1', 'a', '日本', 'a', '']) wanted.add(id);
    expect([wanted.size, wanted.left]).toEqual([4, 4]);
    expect(['1', 'b', '1', '', 'a', '日本', 'a'].map((id) => wanted.take(id))).toEqual([
      true,
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
    wanted.add('a');
    expect([wanted.size, wanted.left]).toEqual([4, 0]);
    expect(wanted.take('a')).toBe(false);
  });

  it('take about 10 bytes each, and stay what they are while the tables grow', () => {
    const wanted = new WantedIds();
    const count = 20_000;
    let early = 0;
    for (let id = 0; id < count; id += 1) {
      wanted.add(`job-${id}`);
      // Half of them are taken before others come.
      if (id % 2 === 0) early += Number(wanted.take(`job-${id}`));
    }
    expect([early, wanted.size, wanted.left]).toEqual([count / 2, count, count / 2]);
    expect(wanted.bytes).toBeLessThan(12 * count);
    let taken = 0;
    for (let id = 0; id < count; id += 1) taken += Number(wanted.take(`job-${id}`));
    expect([taken, wanted.left, wanted.take(`job-${count}`)]).toEqual([count / 2, 0, false]);
  });
});
