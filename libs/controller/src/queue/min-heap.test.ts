import { expect, it } from 'vitest';
import { MinHeap } from './min-heap.ts';

it('gives numbers back in order', () => {
  const numbers = Array.from({ length: 1_000 }, (_, index) => (index * 7_919) % 1_009);
  const heap = new MinHeap<number>((a, b) => a - b);
  for (const number of numbers) heap.push(number);
  const popped = numbers.map(() => heap.pop());
  expect(popped).toEqual(numbers.toSorted((a, b) => a - b));
  expect(heap.pop()).toBeUndefined();
});
