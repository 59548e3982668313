import { describe, expect, it } from 'vitest';
import { Slots } from './slots.ts';

const never = new AbortController().signal;

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

  it('go to the queue that has waited longest', async () => {
    const slots = new Slots(1);
    await slots.take('busy', never);
    const order: string[] = [];
    const waits = ['quiet', 'busy', 'other'].map((queue) => slots.take(queue, never).then(() => order.push(queue)));
    for (const wait of waits) {
      slots.release();
      await wait;
    }
    expect(order).toEqual(['quiet', 'busy', 'other']);
    expect(slots.taken).toBe(1);
  });

  it('are contended only by another queue', async () => {
    const slots = new Slots(1);
    await slots.take('a', never);
    void slots.take('a', never);
    expect(slots.contendedBeside('a')).toBe(false);
    expect(slots.contendedBeside('b')).toBe(true);
  });

  it('are not given to a queue that stopped waiting', async () => {
    const slots = new Slots(1);
    await slots.take('a', never);
    const stop = new AbortController();
    const wait = slots.take('b', stop.signal);
    stop.abort();
    expect(await wait).toBe(false);
    slots.release();
    expect(slots.free).toBe(1);
    expect(await slots.take('b', stop.signal)).toBe(false);
  });
});
