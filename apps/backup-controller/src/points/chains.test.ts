import { incrementalTimes, type BackupChain } from '@redis-queue/api';
import { describe, expect, it, vi } from 'vitest';
import { ago, NOW } from '../testing/objects.ts';
import { chainsAfter, chainsUntil, expiredChains, nextPoint, pointDueMs } from './chains.ts';
import { chain, incremental, taken } from './testing.fixture.ts';

const HOUR = 3_600;
const expired = (...args: Parameters<typeof incremental>) =>
  expiredChains(incremental(...args), { now: NOW, isRead: () => false });

describe('the next point', () => {
  it.each([
    ['of a backup without one is the full one of the first chain', [], { chain: 1, point: 0 }],
    [
      'adds to the newest chain',
      [chain(4, 30), chain(3, 9 * HOUR)],
      { chain: 4, point: 3, previous: { directory: chain(4, 30).directory, manifestSha256: 'sha-4' } },
    ],
    [
      'begins a chain when that one is as old as fullEvery',
      [chain(4, 30, { lasts: 6 * HOUR })],
      { chain: 5, point: 0 },
    ],
    ['begins a chain when that one has as many as it may', [chain(4, 30, { points: 1_000 })], { chain: 5, point: 0 }],
    [
      'begins a chain when that one is of the object of which Velero has made this copy',
      [chain(4, 30, { directory: 'nightly-fedcba98/c00004/000002-a' })],
      { chain: 5, point: 0 },
    ],
    ['begins a chain when the time of that one is none', [chain(4, 30, { firstTime: 'x' })], { chain: 5, point: 0 }],
  ])('%s', (_, chains, next) => {
    expect(nextPoint(incremental(chains), NOW)).toEqual(next);
  });

  it.each([
    ['is due at once where there is none', incremental(), 0],
    ['is due when the status says', incremental([chain(1, 20)], { dueIn: 10 }), 10_000],
    ['is due at once when that has passed', incremental([chain(1, 90)], { dueIn: -60 }), 0],
    [
      'is due at once when that is later than every says, by a clock that was wrong or by a longer interval',
      incremental([chain(1, 90)], { dueIn: HOUR }),
      0,
    ],
  ])('%s', (_, backup, dueMs) => {
    expect(pointDueMs(backup, NOW)).toBe(dueMs);
  });
});

it('what the clock of Redis says makes no chain old or young', () => {
  for (const redisBehindSeconds of [660, -660, 86_400, -86_400]) {
    const ahead = NOW.getTime() - redisBehindSeconds * 1_000;
    let [chains, removed, fulls, seconds]: [BackupChain[], number, number, number] = [[], 0, 0, 0];
    const spec = { fullEvery: '10m', keep: '1h' };
    for (; seconds < 7_200; seconds += 30) {
      const now = new Date(NOW.getTime() + seconds * 1_000);
      const next = nextPoint(incremental(chains, { spec }), now);
      if (next.point === 0) fulls++;
      const point = { ...taken(next, { timeMs: ahead + seconds * 1_000 }), readMs: now.getTime() };
      chains = chainsAfter(chains, { taken: { ...point, directory: `nightly-01234567/c/${next.point}` } });
      for (const number of expiredChains(incremental(chains, { spec }), { now, isRead: () => false })) {
        removed++;
        chains = chainsAfter(chains, { removed: number });
      }
    }
    // A full one every ten minutes for two hours, and those of an hour are kept.
    expect([fulls, fulls - removed], `Redis is ${redisBehindSeconds} s behind`).toEqual([12, 7]);
  }
});

/** A status of which so many queues have not been in points since then. */
const lacking = (...since: string[]) => ({
  status: { leftOut: since.map((time) => ({ name: time, reason: 'QueueUnreadable', message: '', since: time })) },
});

describe('a chain', () => {
  it('goes when its newest point is older than keep, the oldest one first, and the newest chain never', () => {
    expect(expired([chain(3, 25 * HOUR)])).toEqual([]);
    expect(expired([chain(3, 25 * HOUR), chain(2, 26 * HOUR), chain(1, 30 * HOUR)])).toEqual([1, 2]);
    expect(expired([chain(3, 1), chain(2, 23 * HOUR), chain(1, 25 * HOUR)])).toEqual([1]);
    expect(expired([chain(3, 1), chain(2, 2 * HOUR)], { spec: { keep: '1h' } })).toEqual([2]);
  });

  it('stays while a restore reads the backup, but makes room for the next one', () => {
    const old = incremental([chain(2, 1), chain(1, 25 * HOUR)]);
    expect(expiredChains(old, { now: NOW, isRead: () => true })).toEqual([]);
    const many = Array.from({ length: 100 }, (_, n) => chain(100 - n, 1 + n));
    expect(expiredChains(incremental(many), { now: NOW, isRead: () => true })).toEqual([1]);
  });

  it('stays when it is the last that has a queue which newer points do not have', () => {
    const chains = [chain(4, 1), chain(3, 25 * HOUR), chain(2, 50 * HOUR), chain(1, 90 * HOUR)];
    expect(expired(chains, lacking(ago(49 * HOUR)))).toEqual([1, 3]);
    expect(expired(chains, lacking(ago(49 * HOUR), ago(85 * HOUR)))).toEqual([3]);
    // In the newest chain it was in points as well, and in no chain that began when it was not there any more.
    expect(expired(chains, lacking(ago(10)))).toEqual([1, 2, 3]);
    expect(expired(chains, lacking(chains[3]!.firstTime))).toEqual([1, 2, 3]);
    const many = Array.from({ length: 100 }, (_, n) => chain(100 - n, 1 + n * HOUR));
    const retained = lacking(ago(98 * HOUR), ago(99 * HOUR), ago(97 * HOUR));
    const gone = expired(many, { ...retained, spec: { keep: '30d' } });
    expect(gone).toEqual([4]);
  });

  it('is asked for restores that read it only when its time is over', () => {
    const isRead = vi.fn<() => boolean>(() => true);
    expect(expiredChains(incremental([chain(2, 1), chain(1, HOUR)]), { now: NOW, isRead })).toEqual([]);
    expect(isRead).not.toHaveBeenCalled();
  });
});

const read = (point: Parameters<typeof taken>[0]) => ({ ...taken(point), readMs: NOW.getTime() - 2_000 });

describe('the chains after a point', () => {
  const before = [chain(4, 30), chain(3, 9 * HOUR)];

  it('have it in the newest one, with its size', () => {
    const [newest, ...rest] = chainsAfter(before, { taken: read({ chain: 4, point: 3 }) });
    expect(newest).toEqual({
      number: 4,
      firstTime: before[0]!.firstTime,
      lastTime: new Date(NOW.getTime() - 1_000).toISOString(),
      extendedAt: ago(2),
      points: 4,
      directory: 'nightly-01234567/c00004/000003-b',
      manifestSha256: 'sha-new',
      storedBytes: 109,
    });
    expect(rest).toEqual([before[1]]);
  });

  it('begin with a new one where it is a full one', () => {
    const chains = chainsAfter(before, { taken: read({ chain: 5, point: 0 }) });
    expect(chains.map(({ number, points, storedBytes }) => [number, points, storedBytes])).toEqual([
      [5, 1, 9],
      [4, 3, 100],
      [3, 3, 100],
    ]);
    expect(chains[0]!.firstTime).toBe(chains[0]!.lastTime);
    expect([chains[0]!.beganAt, chains[0]!.extendedAt]).toEqual([ago(2), ago(2)]);
  });

  it('are as many as a status has, and without one that was removed', () => {
    const many = Array.from({ length: 100 }, (_, n) => chain(100 - n, 1 + n));
    const numbers = chainsAfter(many, { taken: read({ chain: 101, point: 0 }) }).map(({ number }) => number);
    expect([numbers.length, numbers[0], numbers.at(-1)]).toEqual([100, 101, 2]);
    expect(chainsAfter(before, { removed: 3 })).toEqual([before[0]]);
  });
});

describe('the chain of a time', () => {
  const backup = incremental([chain(3, 10), chain(2, HOUR), chain(1, 25 * HOUR)]);
  const at = (seconds?: number) =>
    chainsUntil(backup, seconds === undefined ? undefined : new Date(ago(seconds)), NOW)[0]?.number;

  it('is the newest one that had begun', () => {
    expect([at(), at(0), at(70), at(71), at(HOUR + 60)]).toEqual([3, 3, 3, 2, 2]);
  });

  it('is none before the first, and none whose time is over', () => {
    expect([at(HOUR + 61), at(25 * HOUR)]).toEqual([undefined, undefined]);
  });
});

it('what a spec leaves out is as its schema has it', () => {
  expect(incrementalTimes()).toEqual({ everyMs: 30_000, fullEveryMs: 7_200_000, keepMs: 86_400_000 });
  expect(incrementalTimes({ keep: '2d' }).keepMs).toBe(172_800_000);
});
