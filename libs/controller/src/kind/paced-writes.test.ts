import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { PacedWrites } from './paced-writes.ts';

interface Write {
  readonly offer: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
}

/** Paced writes of texts, every minute per object; `answer` is what a write waits for. */
function pacedWrites(answer: (offer: string) => Promise<unknown> = () => Promise.resolve()) {
  const clock = new FakeClock();
  const written: Write[] = [];
  const failed: [string, unknown][] = [];
  const writes = new PacedWrites<string>({
    clock,
    everyMs: 60_000,
    namespaceOf: (offer) => offer.split('/')[0]!,
    write: (offer, signal) => {
      written.push({ offer, atMs: clock.now(), signal });
      return answer(offer);
    },
    onError: (offer, error) => failed.push([offer, error]),
  });
  const abort = new AbortController();
  const running = writes.run(abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  onTestFinished(stop);
  const advance = async (ms: number): Promise<void> => {
    await setImmediate();
    for (const end = clock.now() + ms; clock.now() < end;) {
      clock.advance(Math.min(end, clock.nextTimerAt ?? end) - clock.now());
      await setImmediate();
    }
  };
  return { writes, written, failed, advance, stop };
}

const hanging = (): Promise<never> => new Promise(() => {});

it('each object in the order of asking, 50 ms apart, with what was offered last', async () => {
  const { writes, written, advance } = pacedWrites();
  for (const uid of ['a', 'b', 'c']) writes.offer(uid, `${uid} old`);
  writes.offer('a', 'a new');
  writes.offer('c', 'c new');
  await advance(1_000);
  expect(written.map(({ offer, atMs }) => [offer, atMs])).toEqual([
    ['a new', 0],
    ['b old', 50],
    ['c new', 100],
  ]);
});

it('an object is written again after a minute at the earliest, and not when there is nothing to say', async () => {
  const { writes, written, advance } = pacedWrites();
  writes.offer('a', '1');
  await advance(1_000);
  writes.offer('a', '2');
  writes.offer('b', '1');
  writes.withdraw('b');
  await advance(120_000);
  expect(written.map(({ offer, atMs }) => [offer, atMs])).toEqual([
    ['1', 0],
    ['2', 60_000],
  ]);
});

it('writes that hang are given up after 5 s, and are never more than 30', async () => {
  const { writes, written, failed, advance } = pacedWrites(hanging);
  for (let index = 0; index < 60; index++) writes.offer(`${index}`, `namespace-${index}/bad`);
  await advance(4_900);
  expect(written).toHaveLength(30);
  expect(failed).toEqual([]);
  await advance(1_000);
  expect(failed.length).toBeGreaterThan(10);
  expect(String(failed[0]?.[1])).toContain('longer than 5 s');
  expect(written[0]?.signal.aborted).toBe(true);
  expect(written).toHaveLength(30 + failed.length);
});

// Wall 1: a tenant may have a webhook for its namespace that answers nothing.
it('800 objects of one namespace whose writes hang, and are tried again, delay an object of another by 50 ms', async () => {
  const { writes, written, advance } = pacedWrites((offer) =>
    offer.startsWith('bad') ? hanging() : Promise.resolve(),
  );
  for (let index = 0; index < 800; index++) writes.offer(`${index}`, `bad/${index}`);
  await advance(30_000);
  for (let index = 0; index < 3; index++) {
    const offeredMs = 30_000 + index * 65_000;
    writes.offer('good', `good/${index}`);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await advance(65_000);
    const { atMs } = written.find(({ offer }) => offer === `good/${index}`)!;
    expect(atMs - offeredMs).toBeLessThanOrEqual(100);
  }
  // Each of those that hang has had its turn none the less.
  await advance(300_000);
  expect(new Set(written.map(({ offer }) => offer)).size).toBe(803);
});

it('a failure is told once; what was offered meanwhile is written in its turn', async () => {
  const error = new Error('no');
  const { writes, written, failed, advance } = pacedWrites((offer) =>
    offer === '1' ? Promise.reject(error) : Promise.resolve(),
  );
  writes.offer('a', '1');
  await advance(50);
  writes.offer('a', '2');
  await advance(120_000);
  expect(failed).toEqual([['1', error]]);
  expect(written.map(({ offer }) => offer)).toEqual(['1', '2']);
});

// Wall 6: what could not be written is there within 10 s once it can be.
it('what could not be written is tried again every 3 s, with what was offered last, and then kept for a minute', async () => {
  let works = false;
  const { writes, written, failed, advance } = pacedWrites(() =>
    works ? Promise.resolve() : Promise.reject(new Error('no')),
  );
  writes.offer('a', '1');
  await advance(4_000);
  writes.offer('a', '2');
  await advance(4_000);
  works = true;
  await advance(2_000);
  writes.offer('a', '3');
  await advance(120_000);
  expect(written.map(({ offer, atMs }) => [offer, atMs])).toEqual([
    ['1', 0],
    ['1', 3_000],
    ['2', 6_000],
    ['2', 9_000],
    ['3', 69_000],
  ]);
  expect(failed.map(([offer]) => offer)).toEqual(['1', '1', '2']);
});

it('an object that is deleted while it is being written is not tried again', async () => {
  const { writes, written, advance } = pacedWrites(hanging);
  writes.offer('a', '1');
  await advance(50);
  writes.forget('a');
  await advance(120_000);
  expect(written).toHaveLength(1);
});

it('ends at once when it is stopped, whatever hangs', async () => {
  const { writes, written, failed, advance, stop } = pacedWrites(hanging);
  writes.offer('a', '1');
  await advance(100);
  await stop();
  expect(written[0]?.signal.aborted).toBe(true);
  expect(failed).toEqual([]);
});

it('an object that is deleted is not written any more', async () => {
  const { writes, written, advance } = pacedWrites();
  writes.offer('a', '1');
  await advance(50);
  writes.offer('a', '2');
  writes.forget('a');
  await advance(120_000);
  expect(written.map(({ offer }) => offer)).toEqual(['1']);
});
