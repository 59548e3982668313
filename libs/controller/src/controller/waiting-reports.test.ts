import { beforeEach, expect, it } from 'vitest';
import { WorkQueue } from '../queue/work-queue.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { WaitingReports } from './waiting-reports.ts';

let clock: FakeClock;
let queue: WorkQueue;
let reported: string[];
beforeEach(() => {
  clock = new FakeClock();
  queue = new WorkQueue({ clock, capacity: 2, sharesOf: (key) => [`namespace ${key.split('/')[0]}`] });
  reported = [];
});

function reports(speaks: (key: string) => boolean = () => false): WaitingReports {
  const started = new WaitingReports(clock, queue, (key, usedUp) => {
    if (speaks(key)) return undefined;
    reported.push(`${clock.now()} ${key}: ${usedUp}`);
    return Promise.resolve();
  });
  started.start();
  return started;
}

it('a key that waits is reported once, between 5 and 6.2 s after it became due, with the share that is used up', async () => {
  const started = reports();
  queue.add('a/1');
  await queue.take();
  queue.add('a/2');
  clock.advance(3_500);
  queue.add('b/1');
  clock.advance(60_000);
  started.stop();
  clock.advance(60_000);
  expect(reported).toEqual(['5200 a/2: namespace a', '9200 b/1: undefined']);
});

it('a key that waits again is reported again', async () => {
  reports();
  for (let wait = 0; wait < 2; wait++) {
    queue.add('a/1');
    clock.advance(8_000);
    queue.done((await queue.take())!);
    clock.advance(1_000);
  }
  expect(reported).toEqual(['5200 a/1: undefined', '14200 a/1: undefined']);
});

it('a key that was taken between the look and its turn is not reported', async () => {
  reports();
  for (let index = 0; index < 30; index++) queue.add(`a/${index}`);
  clock.advance(5_200);
  expect(reported).toHaveLength(10);
  // oxlint-disable-next-line no-await-in-loop -- one after the other
  for (let taken = 0; taken < 11; taken++) queue.done((await queue.take())!);
  clock.advance(800);
  expect(reported).toHaveLength(29);
  expect(reported.some((line) => line.includes('a/10:'))).toBe(false);
});

it('at most 10 reports are made at once and 50 per second, and those that have nothing to say do not count', () => {
  reports((key) => key.startsWith('fine'));
  for (let index = 0; index < 120; index++) for (const namespace of ['fine', 'new']) queue.add(`${namespace}/${index}`);
  clock.advance(60_000);
  const times = reported.map((line) => Number(line.split(' ')[0]));
  const countFrom = (fromMs: number, ms: number): number =>
    times.filter((at) => at >= fromMs && at < fromMs + ms).length;
  expect([5_200, 5_400, 5_600].map((at) => countFrom(at, 1))).toEqual([10, 10, 10]);
  expect([5_200, 6_200, 7_200, 8_200].map((at) => countFrom(at, 1_000))).toEqual([50, 50, 20, 0]);
});
