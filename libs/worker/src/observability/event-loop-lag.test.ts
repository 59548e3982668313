import { expect, it } from 'vitest';
import { EventLoopLag } from './event-loop-lag.ts';

/** A lag that is measured on time except after the blocks given, ms. */
function measured(forMs: number, blocks: { atMs: number; ms: number }[]) {
  let nowMs = 0;
  const seen: number[] = [];
  const lag = new EventLoopLag(
    (ms) => seen.push(ms),
    () => nowMs,
  );
  const left = blocks.map((block) => ({ ...block }));
  while (nowMs < forMs) {
    nowMs += 50;
    const block = left[0];
    if (block && nowMs >= block.atMs) {
      nowMs += block.ms;
      left.shift();
    }
    lag.measure();
  }
  return { lag, seen };
}

it('is nothing while the loop is on time', () => {
  const { lag, seen } = measured(60_000, []);
  expect(Math.max(...seen)).toBe(0);
  expect(lag.take()).toEqual({ p99Ms: 1, maxMs: 1 });
});

it('of a loop that is blocked for 900 ms of every ten seconds is 900 ms, though few timers were late', () => {
  const { lag } = measured(
    60_000,
    [0, 1, 2, 3, 4, 5].map((n) => ({ atMs: 5_000 + n * 10_000, ms: 900 })),
  );
  const { p99Ms, maxMs } = lag.take();
  expect(maxMs).toBe(900);
  // a ninth of the blocked time is above 800 ms: one moment in a hundred
  expect(p99Ms).toBeGreaterThan(750);
  expect(lag.take()).toEqual({ p99Ms: 0, maxMs: 0 });
});

it('of one short block in a minute is in the maximum alone', () => {
  const { lag } = measured(60_000, [{ atMs: 30_000, ms: 300 }]);
  expect(lag.take()).toEqual({ p99Ms: 1, maxMs: 300 });
});

it('counts each moment of a block once, and no more of it than a minute', () => {
  const { seen } = measured(10_000, [{ atMs: 5_000, ms: 200 }]);
  expect(seen.filter((ms) => ms > 0)).toEqual([200, 150, 100, 50]);
  const slept = measured(10_000, [{ atMs: 5_000, ms: 3_600_000 }]);
  expect(slept.seen.length).toBeLessThan(1_500);
});

it('sees this process block its loop', async () => {
  const seen: number[] = [];
  const lag = new EventLoopLag(
    (ms) => seen.push(ms),
    () => performance.now(),
  );
  lag.start();
  const untilMs = performance.now() + 300;
  while (performance.now() < untilMs);
  await new Promise<void>((resolve) => {
    const wait = (): void => void (seen.length > 0 ? resolve() : setTimeout(wait, 5));
    wait();
  });
  lag.stop();
  expect(lag.take().maxMs).toBeGreaterThan(200);
});
