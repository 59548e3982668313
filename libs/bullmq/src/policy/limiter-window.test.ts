import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isAsLimited,
  parseRunningWindow,
  windowLength,
  type EarlierReading,
  type RunningWindow,
} from './limiter-window.ts';

const LIMIT = { max: 20, durationMs: 2_000 };
const running = (readAtMs: number, endsAtMs: number, holdsBack = false): RunningWindow => ({
  readAtMs,
  endsAtMs,
  holdsBack,
});
const judge = (earlier: EarlierReading, now: RunningWindow) => {
  const length = windowLength(earlier, now);
  return length && isAsLimited(length, LIMIT);
};

describe('the length of windows', () => {
  it.each<[string, EarlierReading, RunningWindow, boolean | undefined]>([
    ['as set: opened when the one before ended', { readAtMs: 0, endsAtMs: 1_000 }, running(1_020, 3_000), true],
    ['shorter: it ends too soon after the one before', { readAtMs: 0, endsAtMs: 100 }, running(120, 200), false],
    ['longer: more is left than a window lasts', { readAtMs: 0, endsAtMs: 100 }, running(9_000, 12_000), false],
    ['as set: the one before was removed in its midst', { readAtMs: 0, endsAtMs: 1_900 }, running(400, 2_400), true],
    [
      'not known: the one before may have been removed in its midst',
      { readAtMs: 100, endsAtMs: 2_000 },
      running(2_020, 2_900),
      undefined,
    ],
    ["not known: Redis' clock was set back", { readAtMs: 5_000 }, running(4_000, 6_000), undefined],
    ['not known: the same window', { readAtMs: 0, endsAtMs: 1_000 }, running(500, 1_001), undefined],
    ['not known: it may have been opened any time before', { readAtMs: 0 }, running(60_000, 60_500), undefined],
    ['not known: somebody holds the queue back', { readAtMs: 0 }, running(60_000, 90_000, true), undefined],
  ])('is %s', (_, earlier, now, expected) => {
    expect(judge(earlier, now)).toBe(expected);
  });

  it('is never called another while each is opened as the limit says, whenever jobs come, keys are removed and it is read', () => {
    const windows = fc.array(
      fc.record({ idleMs: fc.integer({ min: 0, max: 5_000 }), lastsMs: fc.integer({ min: 1, max: LIMIT.durationMs }) }),
      { minLength: 2, maxLength: 30 },
    );
    const reads = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 2, maxLength: 60 });
    fc.assert(
      fc.property(windows, reads, (opened, pausesMs) => {
        expect(verdicts(opened, pausesMs)).not.toContain(false);
      }),
    );
  });
});

/** What a reader says that reads after each of these pauses, of windows as limited that open after so much idle time, and whose keys are removed after so long. */
function verdicts(
  windows: readonly { idleMs: number; lastsMs: number }[],
  pausesMs: readonly number[],
): (boolean | undefined)[] {
  let goneAtMs = 0;
  const opened = windows.map(({ idleMs, lastsMs }) => {
    const atMs = goneAtMs + idleMs;
    goneAtMs = atMs + lastsMs;
    return { atMs, goneAtMs };
  });
  let readAtMs = 0;
  let earlier: EarlierReading = { readAtMs: -Infinity };
  return pausesMs.map((pauseMs) => {
    readAtMs += pauseMs;
    const runs = opened.find(({ atMs, goneAtMs: until }) => atMs <= readAtMs && readAtMs < until);
    if (runs === undefined) return undefined;
    const now = running(readAtMs, runs.atMs + LIMIT.durationMs);
    const verdict = judge(earlier, now);
    earlier = now;
    return verdict;
  });
}

it.each<[string, unknown, RunningWindow | undefined]>([
  ['none runs', null, undefined],
  ['one runs', ['7', 1_500], running(10_000, 11_500)],
  ['the queue is held back', ['9007199254740991', 800], running(10_000, 10_800, true)],
  ['what is no number', ['x', 800], undefined],
])('of what Redis says: %s', (_, reply, expected) => {
  expect(parseRunningWindow(reply, 10_000)).toEqual(expected);
});
