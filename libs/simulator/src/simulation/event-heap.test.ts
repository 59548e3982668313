import { expect, test } from 'vitest';
import { seededRandom } from '../loads/random.ts';
import { EventHeap } from './event-heap.ts';

test('events come out by time, and at the same time in the order they went in', () => {
  const random = seededRandom(3);
  const heap = new EventHeap<number>();
  const times = Array.from({ length: 1_000 }, () => Math.floor(random() * 100));
  times.forEach((atMs, index) => heap.push(atMs, index));
  const out = times.map(() => heap.pop()!);
  const expected = times.map((_, index) => index).toSorted((a, b) => times[a]! - times[b]! || a - b);
  expect(out).toEqual(expected);
  expect(heap.pop()).toBeUndefined();
  expect(heap.nextMs).toBe(Infinity);
});
