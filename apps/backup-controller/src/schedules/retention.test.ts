import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expiredBackups, nextExpiryMs, type OwnedBackup, type Retention } from './retention.ts';
import { owned } from './testing.fixture.ts';

const MINUTE = 60_000;
const names = (
  backups: readonly OwnedBackup[],
  retention: Partial<Retention>,
  verified: readonly string[] = [],
): string[] =>
  expiredBackups(backups, { keepLastGood: 1, ...retention }, new Set(verified), 100 * MINUTE).map(({ name }) => name);

describe('backups go', () => {
  it('that are more than the spec says, the oldest first; those that failed are counted by themselves', () => {
    const good = [5, 1, 3, 2].map((minute) => owned(minute, 'good'));
    const failed = [7, 6, 4].map((minute) => owned(minute, 'failed'));
    expect(names([...good, ...failed], { count: 2 })).toEqual(['nightly-1', 'nightly-2', 'nightly-4']);
    expect(names([...good, ...failed], { count: 1 })).toEqual([
      'nightly-1',
      'nightly-2',
      'nightly-3',
      'nightly-4',
      'nightly-6',
    ]);
  });

  it('that are too old, from their end on', () => {
    const backups = [1, 2, 3].map((minute) => owned(minute, 'good'));
    expect(names(backups, { maxAgeMs: 98 * MINUTE })).toEqual(['nightly-1']);
    expect(nextExpiryMs(backups, { keepLastGood: 1, maxAgeMs: 98 * MINUTE }, 100 * MINUTE)).toBe(100.5 * MINUTE);
    expect(nextExpiryMs(backups, { keepLastGood: 3, maxAgeMs: 98 * MINUTE }, 100 * MINUTE)).toBe(Infinity);
  });

  it('not while a restore reads them', () => {
    const backups = [1, 2, 3].map((minute) => owned(minute, 'good'));
    const read = { ...backups[0]!, isRead: true };
    expect(names([read, ...backups.slice(1)], { count: 1 })).toEqual(['nightly-2']);
  });

  it('never the last good ones, and a failed, running or vanishing one does not replace them', () => {
    const backups = [
      owned(1, 'good'),
      owned(2, 'good'),
      owned(3, 'good', { deleting: true }),
      owned(4, 'failed'),
      owned(5, 'unfinished'),
    ];
    expect(names(backups, { maxAgeMs: 1, count: 1 })).toEqual(['nightly-1', 'nightly-4']);
    expect(names(backups, { maxAgeMs: 1, count: 1, keepLastGood: 2 })).toEqual(['nightly-4']);
  });

  it('never the last good ones that have a queue which newer ones do not have', () => {
    const both = { queues: ['emails', 'bills'] };
    const lacking = { queues: ['emails'], leftOut: ['bills', 'never'] };
    const backups = [1, 2, 3].map((minute) => owned(minute, 'good', both));
    const newer = [4, 5].map((minute) => owned(minute, 'good', lacking));
    for (const limits of [{ count: 1 }, { maxAgeMs: 1 }]) {
      expect(names([...backups, ...newer], limits)).toEqual(['nightly-1', 'nightly-2', 'nightly-4']);
      expect(names([...backups, ...newer], { ...limits, keepLastGood: 2 })).toEqual(['nightly-1']);
      // Once the newest has it again, they go.
      const again = owned(6, 'good', both);
      expect(names([...backups, ...newer, again], limits)).toEqual([1, 2, 3, 4, 5].map((n) => `nightly-${n}`));
    }
    const all = [...backups, ...newer];
    expect(nextExpiryMs(all, { keepLastGood: 1, maxAgeMs: 98 * MINUTE }, 100 * MINUTE)).toBe(100.5 * MINUTE);
    expect(nextExpiryMs(all.slice(2), { keepLastGood: 1, maxAgeMs: 98 * MINUTE }, 101.6 * MINUTE)).toBe(102.5 * MINUTE);
  });

  it('never the newest that a drill has proven, while those after it are not', () => {
    const backups = [1, 2, 3, 4, 5].map((minute) => owned(minute, 'good'));
    for (const limits of [{ count: 1 }, { maxAgeMs: 1 }]) {
      expect(names(backups, limits, ['nightly-1', 'nightly-2'])).toEqual(['nightly-1', 'nightly-3', 'nightly-4']);
      expect(names(backups, limits, ['nightly-2', 'nightly-5'])).toEqual([1, 2, 3, 4].map((n) => `nightly-${n}`));
      // One that is going already is no proof any more.
      const going = backups.map((each) => (each.name === 'nightly-4' ? { ...each, deleting: true } : each));
      expect(names(going, limits, ['nightly-2', 'nightly-4'])).toEqual(['nightly-1', 'nightly-3']);
    }
  });

  it('and what stays always has the newest good ones and all that run, whatever there is', () => {
    const backup = fc.record({
      minute: fc.integer({ min: 1, max: 90 }),
      state: fc.constantFrom<OwnedBackup['state'][]>('good', 'failed', 'unfinished'),
      deleting: fc.boolean(),
    });
    const limits = fc.record({
      count: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      maxAgeMs: fc.option(fc.integer({ min: 1, max: 100 * MINUTE }), { nil: undefined }),
      keepLastGood: fc.integer({ min: 1, max: 3 }),
    });
    const some = fc.uniqueArray(backup, { selector: ({ minute }) => minute, maxLength: 15 });
    fc.assert(
      fc.property(some, limits, (list, retention) => {
        const backups = list.map(({ minute, state, deleting }) => owned(minute, state, { deleting }));
        const gone = new Set(names(backups, retention));
        const good = backups.filter(({ state, deleting }) => state === 'good' && !deleting);
        const last = good.toSorted((a, b) => b.slotMs - a.slotMs).slice(0, retention.keepLastGood);
        for (const { name } of last) expect(gone.has(name)).toBe(false);
        for (const { name } of backups.filter(({ state }) => state === 'unfinished'))
          expect(gone.has(name)).toBe(false);
        // One round is enough.
        const rest = backups.filter(({ name }) => !gone.has(name));
        expect(names(rest, retention)).toEqual([]);
      }),
    );
  });
});
