import { expect, it } from 'vitest';
import { compareFence, formatFence, parseFence } from './fence.ts';

it('survives the annotation', () => {
  const fence = { epoch: 1_790_000_000_000, sequence: 42 };
  expect(parseFence(formatFence(fence))).toEqual(fence);
});

it.each([undefined, '', '1', '1.', '.1', '-1.2', '1.2.3', '1e3.2', 'latest', ' 1.2', '99999999999999999.1'])(
  'takes %j for no fence',
  (text) => {
    expect(parseFence(text)).toBeUndefined();
  },
);

it('orders by epoch, then by sequence, as numbers', () => {
  const order = ['9.1', '10.1', '10.2', '10.10', '11.0'].map((text) => parseFence(text)!);
  expect(order.toReversed().toSorted(compareFence)).toEqual(order);
  expect(compareFence(order[0]!, { ...order[0]! })).toBe(0);
});
