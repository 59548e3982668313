import { expect, it } from 'vitest';
import { hasStatusOfAnother, restoredUnfinished, type RunsOnce } from './restored-object.ts';

const NOW = new Date('2026-03-04T05:06:07Z');
const ago = (seconds: number): string => new Date(NOW.getTime() - seconds * 1_000).toISOString();
const restored = (createdAgo: number, status?: RunsOnce['status'], restore = 'r1'): RunsOnce => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'QueueBackup',
  metadata: { name: 'b', creationTimestamp: ago(createdAgo), labels: { 'velero.io/restore-name': restore } },
  ...(status && { status }),
});
const of = (object: RunsOnce) => restoredUnfinished(object, NOW);

it('an object that Velero creates without a status is waited for, for a minute', () => {
  expect(of(restored(0))).toMatchObject({ statusWithinMs: 60_000 });
  expect(of(restored(20))?.message).toContain('restore r1 of Velero');
  expect(of(restored(20))).toMatchObject({ statusWithinMs: 40_000 });
  expect(of(restored(61))).toMatchObject({ statusWithinMs: 0 });
});

it('one whose status followed, of a run that had not ended, is known at once', () => {
  expect(of(restored(5, { observedGeneration: 1, startTime: ago(900) }))).toMatchObject({ statusWithinMs: 0 });
});

it('one that has ended, by the status that followed, is as any that has', () => {
  const ended = { observedGeneration: 1, startTime: ago(900), completionTime: ago(890) };
  expect(of(restored(5, ended))).toBeUndefined();
});

it('one that lives on while Velero updates its labels goes on', () => {
  expect(of(restored(900, { observedGeneration: 1, startTime: ago(899) }))).toBeUndefined();
  expect(of(restored(900, { observedGeneration: 1 }))).toBeUndefined();
});

it('one that Velero did not create, or whose label was cleared, is none', () => {
  expect(of(restored(5, undefined, ''))).toBeUndefined();
  expect(
    restoredUnfinished({ ...restored(5), metadata: { name: 'b', creationTimestamp: ago(5) } }, NOW),
  ).toBeUndefined();
});

it('a status that is older than its object is that of another', () => {
  const ended = { observedGeneration: 1, startTime: ago(900), completionTime: ago(890) };
  expect(hasStatusOfAnother(restored(5, ended))).toBe(true);
  expect(hasStatusOfAnother(restored(901, ended))).toBe(false);
  expect(hasStatusOfAnother(restored(5, ended, ''))).toBe(false);
  expect(hasStatusOfAnother(restored(5))).toBe(false);
});
