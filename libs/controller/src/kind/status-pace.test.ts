import { expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { StatusPace } from './status-pace.ts';

const object = (namespace: string, name: string) => ({ metadata: { namespace, name, uid: `${namespace}/${name}` } });
const objects = (namespace: string, count: number) =>
  Array.from({ length: count }, (_, index) => object(namespace, `object-${index}`));

/** A pace, and the objects that had a turn, which ask again then and are written. */
function stage() {
  const clock = new FakeClock();
  const turns: { uid: string; atMs: number }[] = [];
  const known = new Map<string, ReturnType<typeof object>>();
  const write = (uid: string): void => {
    pace.wrote(uid, clock.now());
    turns.push({ uid, atMs: clock.now() });
  };
  const pace = new StatusPace({
    clock,
    onTurn: ({ namespace, name }) => {
      const uid = `${namespace}/${name}`;
      expect(pace.waitMs(known.get(uid)!, 60_000, clock.now())).toBe(0);
      write(uid);
    },
  });
  const ask = (asking: ReturnType<typeof object>): number => {
    const { uid } = asking.metadata;
    known.set(uid, asking);
    const waitMs = pace.waitMs(asking, 60_000, clock.now());
    if (waitMs === 0) write(uid);
    return waitMs;
  };
  return { clock, pace, turns, ask };
}

it('each object is written at most every so often, whatever the others do', () => {
  const { clock, pace } = stage();
  const [a, b] = objects('shop', 2);
  expect(pace.waitMs(a!, 60_000, 0)).toBe(0);
  pace.wrote(a!.metadata.uid, 0);
  clock.advance(4_000);
  expect(pace.waitMs(a!, 10_000, 4_000)).toBe(6_000);
  expect(pace.waitMs(a!, 60_000, 4_000)).toBe(56_000);
  expect(pace.waitMs(b!, 60_000, 4_000)).toBe(0);
});

it('a thousand objects whose numbers move together take turns, twenty per second, and each asks twice', () => {
  const { clock, turns, ask } = stage();
  for (const each of objects('shop', 1_000)) ask(each);
  clock.advance(60_000);
  expect(new Set(turns.map(({ uid }) => uid)).size).toBe(1_000);
  expect(turns).toHaveLength(1_000);
  const inSecond = Map.groupBy(turns, ({ atMs }) => Math.floor(atMs / 1_000));
  expect(Math.max(...[...inSecond.values()].map(({ length }) => length))).toBe(20);
  expect(inSecond.size).toBe(50);
});

// Wall 1: what moves in one namespace keeps no other waiting.
it.each([300, 3_000])('an object beside %i of another namespace that move waits for one turn', (count) => {
  const { clock, turns, ask } = stage();
  const good = object('good', 'object');
  for (const each of objects('bad', count)) ask(each);
  clock.advance(1_000);
  for (const asks of [1, 2]) {
    const askedMs = clock.now();
    expect(ask(good)).toBeGreaterThan(0);
    clock.advance(2 * 50);
    const written = turns.filter(({ uid }) => uid === good.metadata.uid);
    expect(written).toHaveLength(asks);
    expect(written.at(-1)!.atMs - askedMs).toBeLessThanOrEqual(100);
    // Those that were written have numbers again, so that there is always somebody who waits.
    clock.advance(60_000);
    for (const each of objects('bad', count)) ask(each);
  }
  const inSecond = Map.groupBy(turns, ({ atMs }) => Math.floor(atMs / 1_000));
  expect(Math.max(...[...inSecond.values()].map(({ length }) => length))).toBeLessThanOrEqual(20);
});

it('turns that nobody used are lost, and do not come all at once later', () => {
  const clock = new FakeClock();
  const turns: number[] = [];
  const pace = new StatusPace({ clock, onTurn: () => turns.push(clock.now()) });
  const all = objects('shop', 100);
  for (const each of all) pace.waitMs(each, 60_000, 0);
  clock.advance(60_000);
  expect(turns).toEqual(all.slice(1).map((_, index) => 50 * (index + 1)));
  expect(all.map((each) => pace.waitMs(each, 60_000, clock.now())).filter((waitMs) => waitMs === 0)).toHaveLength(1);
});

it('an object that waits keeps its place when it asks again, and asks by itself only if its turn went unused', () => {
  const { clock, turns, ask } = stage();
  const all = objects('shop', 10);
  for (const each of all) ask(each);
  for (const each of all.toReversed()) expect(ask(each)).toBeGreaterThan(50 * 9);
  clock.advance(1_000);
  expect(turns.map(({ uid }) => uid)).toEqual(all.map(({ metadata }) => metadata.uid));
});

it('an object that is gone, or was written for another reason, has no turn', () => {
  const { clock, pace, turns, ask } = stage();
  const [first, gone, written, last] = objects('shop', 4);
  for (const each of [first!, gone!, written!, last!]) ask(each);
  pace.forget(gone!.metadata.uid);
  pace.wrote(written!.metadata.uid, 0);
  clock.advance(1_000);
  expect(turns.map(({ uid }) => uid)).toEqual([first, last].map((each) => each!.metadata.uid));
  expect(ask(gone!)).toBe(0);
});
