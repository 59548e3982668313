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

it('a key that waits is reported once, within 0.2 s of the fifth second after it became due, with the share that is used up', async () => {
  const started = reports();
  queue.add('a/1');
  await queue.take();
  queue.add('a/2');
  clock.advance(3_500);
  queue.add('b/1');
  clock.advance(60_000);
  started.stop();
  clock.advance(60_000);
  expect(reported).toEqual(['5000 a/2: namespace a', '8600 b/1: undefined']);
});

it('a key that waits again is reported again', async () => {
  reports();
  for (let wait = 0; wait < 2; wait++) {
    queue.add('a/1');
    clock.advance(8_000);
    queue.done((await queue.take())!);
    clock.advance(1_000);
  }
  expect(reported).toEqual(['5000 a/1: undefined', '14000 a/1: undefined']);
});

it('at most 10 reports are made at once and 50 per second, and those that have nothing to say do not count', () => {
  reports((key) => key.startsWith('fine'));
  for (let index = 0; index < 120; index++) for (const namespace of ['fine', 'new']) queue.add(`${namespace}/${index}`);
  clock.advance(60_000);
  const times = reported.map((line) => Number(line.split(' ')[0]));
  const countFrom = (fromMs: number, ms: number): number =>
    times.filter((at) => at >= fromMs && at < fromMs + ms).length;
  expect([5_000, 5_200, 5_400].map((at) => countFrom(at, 1))).toEqual([10, 10, 10]);
  expect([5_000, 6_000, 7_000, 8_000].map((at) => countFrom(at, 1_000))).toEqual([50, 50, 20, 0]);
});
