import { JobDigests } from '@redis-queue/bullmq';
import { expect, it } from 'vitest';
import { DigestMemory } from './digest-memory.ts';

const digests = (): ReadonlyMap<string, JobDigests> => new Map([['emails', new JobDigests()]]);
const { bytes: each } = new JobDigests();

it('gives those of the point that is asked for, and of no other one', () => {
  const memory = new DigestMemory({ mostBytes: 10 * each });
  const held = digests();
  memory.hold('a', 'shop', 'sha-1', held);
  expect(memory.of('a', 'sha-1')).toBe(held);
  expect(memory.of('a', 'sha-2')).toBeUndefined();
  expect(memory.of('b', 'sha-1')).toBeUndefined();
  memory.hold('a', 'shop', 'sha-2', digests());
  expect(memory.of('a', 'sha-1')).toBeUndefined();
  expect(memory.bytes).toBe(each);
  memory.forget('a');
  expect(memory.bytes).toBe(0);
});

it('holds so many bytes; the namespace with the most loses what it used least recently', () => {
  const memory = new DigestMemory({ mostBytes: 4 * each });
  for (const uid of ['a', 'b', 'c']) memory.hold(uid, 'large', 'sha', digests());
  memory.hold('d', 'small', 'sha', digests());
  expect(memory.of('a', 'sha')).toBeDefined();
  memory.hold('e', 'small', 'sha', digests());
  const held = ['a', 'b', 'c', 'd', 'e'].filter((uid) => memory.of(uid, 'sha'));
  expect(held).toEqual(['a', 'c', 'd', 'e']);
  expect(memory.bytes).toBe(4 * each);
});

it('holds nothing of one that is larger than all of it', () => {
  const memory = new DigestMemory({ mostBytes: each / 2 });
  memory.hold('a', 'shop', 'sha', digests());
  expect(memory.of('a', 'sha')).toBeUndefined();
});
