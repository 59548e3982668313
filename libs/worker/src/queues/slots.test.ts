import { describe, expect, it } from 'vitest';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

/** Slots on a clock of their own. */
function someSlots(total: number, weights: Record<string, number> = {}) {
  const clock = { nowMs: 0 };
  const slots = new Slots(total, { weights: new Map(Object.entries(weights)), now: () => clock.nowMs });
  return { slots, clock };
}

describe('slots', () => {
  it('never gives out more than there are', async () => {
    const slots = new Slots(2);
    expect(await slots.take('a', never)).toBe(true);
    expect(await slots.take('b', never)).toBe(true);
    let third = false;
    void slots.take('c', never).then((taken) => (third = taken));
    await Promise.resolve();
    expect({ third, taken: slots.taken, free: slots.free }).toEqual({ third: false, taken: 2, free: 0 });
  });

  it('of queues with equal rights go to the one that has waited longest', async () => {
    const { slots } = someSlots(1);
    await slots.take('busy', never);
    const order: string[] = [];
    const queues = ['quiet', 'busy', 'other'];
    const waits = queues.map((queue) => slots.take(queue, never).then(() => order.push(queue)));
    for (const [at, held] of ['busy', 'quiet', 'busy'].entries()) {
      slots.release(held);
      await waits[at];
    }
    expect(order).toEqual(queues);
    expect(slots.taken).toBe(1);
  });

  it('are kept for the next job while no other queue waits, or none with more right to them', async () => {
    const { slots, clock } = someSlots(1, { a: 3 });
    await slots.take('a', never);
    void slots.take('a', never);
    clock.nowMs = 10;
    expect(slots.contendedBeside('a')).toBe(false);
    void slots.take('b', never);
    clock.nowMs = 20;
    expect(slots.contendedBeside('a')).toBe(true);
    slots.release('a'); // to b
    clock.nowMs = 24;
    expect(slots.contendedBeside('b')).toBe(true);
    slots.release('b'); // to a
    clock.nowMs = 26;
    expect(slots.contendedBeside('a')).toBe(false);
  });

  it('are not given to a queue that stopped waiting', async () => {
    const slots = new Slots(1);
    await slots.take('a', never);
    const stop = new AbortController();
    const wait = slots.take('b', stop.signal);
    stop.abort();
    expect(await wait).toBe(false);
    slots.release('a');
    expect(slots.free).toBe(1);
    expect(await slots.take('b', stop.signal)).toBe(false);
  });
});

describe('a handler that goes on although its job has ended', () => {
  it('has the slot of its job, which no other job gets until it ends', async () => {
    const { slots } = someSlots(2);
    await slots.take('a', never);
    await slots.take('b', never);
    let next = false;
    void slots.take('b', never).then(() => (next = true));
    const giveBack = slots.occupy();
    expect(slots.contendedBeside('a')).toBe(true);
    slots.release('a');
    await Promise.resolve();
    expect({ next, taken: slots.taken, free: slots.free }).toEqual({ next: false, taken: 2, free: 0 });
    expect(slots.contendedBeside('b')).toBe(false);
    giveBack();
    await Promise.resolve();
    expect({ next, taken: slots.taken }).toEqual({ next: true, taken: 2 });
  });

  it('lets its queue go on where there are slots enough', async () => {
    const { slots } = someSlots(3);
    await slots.take('a', never);
    const giveBack = slots.occupy();
    expect(slots.contendedBeside('a')).toBe(false);
    expect(slots.free).toBe(1);
    giveBack();
    expect(slots.free).toBe(2);
  });
});

describe('slots that are narrowed', () => {
  it('are given out no further than that, by the least bound, and all of them again afterwards', async () => {
    const { slots } = someSlots(4);
    await slots.take('a', never);
    await slots.take('a', never);
    const widen = slots.narrow(1);
    const widenMore = slots.narrow(3);
    expect({ free: slots.free, taken: slots.taken }).toEqual({ free: 0, taken: 2 });
    expect(slots.contendedBeside('a')).toBe(true);
    let taken = 0;
    for (let n = 0; n < 3; n++) void slots.take('b', never).then(() => taken++);
    slots.release('a');
    expect(taken).toBe(0);
    widen();
    await Promise.resolve();
    expect({ taken, inUse: slots.taken }).toEqual({ taken: 2, inUse: 3 });
    widenMore();
    await Promise.resolve();
    expect({ taken, inUse: slots.taken }).toEqual({ taken: 3, inUse: 4 });
  });

  it('do not count handlers that go on without a job', async () => {
    const { slots } = someSlots(4);
    slots.occupy();
    slots.narrow(1);
    expect(await slots.take('a', never)).toBe(true);
    expect(slots.free).toBe(0);
  });
});

it('a slot that is asked for first is given before all others, whatever their weights', async () => {
  const { slots } = someSlots(1, { a: 100 });
  await slots.take('b', never);
  const order: string[] = [];
  const a = slots.take('a', never).then(() => order.push('a'));
  const first = slots.take('b', never, { first: true }).then(() => order.push('first'));
  expect(slots.contendedBeside('b')).toBe(true);
  slots.release('b');
  await first;
  slots.release('b');
  await a;
  expect(order).toEqual(['first', 'a']);
});
