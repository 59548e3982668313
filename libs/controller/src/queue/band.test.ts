import { expect, it } from 'vitest';
import { Band } from './band.ts';

it('agrees with a plain list through thousands of random pushes and removals', () => {
  const band = new Band<object>();
  let list: object[] = [];
  let seed = 42;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  for (let step = 0; step < 20_000; step++) {
    const kind = random();
    const removed = kind < 0.3 ? list[0] : list[Math.floor(random() * list.length)];
    if (kind < 0.52 || removed === undefined) {
      const item = { step };
      band.push(item);
      list.push(item);
    } else {
      band.remove(removed);
      list = list.filter((item) => item !== removed);
    }
    expect(band.peek()).toBe(list[0]);
    expect(band.size).toBe(list.length);
  }
});
