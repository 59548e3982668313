import { expect, it } from 'vitest';
import { nodeOfSlot, parseSlots, slotOfKey } from './cluster-slots.ts';

it.each([
  // CLUSTER KEYSLOT of a real server
  ['bull:emails:wait', 10_266],
  ['{bull}:emails:wait', 9_263],
  ['bull:{emails}:meta', 3_728],
])('a key is in its slot: %s', (key, slot) => {
  expect(slotOfKey(key)).toBe(slot);
});

const reply = [
  [10_923, 16_383, ['c', 3, 'id', []]],
  [0, 5_460, [null, 1, 'id', []], ['replica', 9, 'id', []]],
  [5_461, 10_000, ['b', 2, 'id', []]],
  [10_001, 10_001],
];

it('who has a slot is its master; one that does not know its address has that of who was asked', () => {
  const ranges = parseSlots(reply, 'asked');
  const at = (slot: number) => nodeOfSlot(ranges, slot)?.host;
  expect([0, 5_460, 5_461, 10_000, 10_923, 16_383].map(at)).toEqual(['asked', 'asked', 'b', 'b', 'c', 'c']);
  expect([10_001, 10_500].map(at)).toEqual([undefined, undefined]);
  expect(nodeOfSlot([], 1)).toBeUndefined();
});

it('a reply that is none is an error', () => {
  expect(() => parseSlots('OK', 'asked')).toThrow('it has no slots');
});
