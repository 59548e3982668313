import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createLog } from '../log/log.ts';
import { Slots } from '../queues/slots.ts';
import { StuckHandlers } from './stuck-handlers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function watched() {
  const lines: string[] = [];
  const log = createLog('info', Date.now, (line) => lines.push(line));
  const slots = new Slots(2);
  const changes: number[] = [];
  const stuck: StuckHandlers = new StuckHandlers(slots, () => changes.push(stuck.count));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  stuck.watch(promise, 5_000, log);
  return { lines, slots, changes, stuck, resolve, reject };
}

it('a handler that ends within its second grace had its slot until then, and was never stuck', async () => {
  const { slots, changes, lines, reject } = watched();
  expect(slots.free).toBe(1);
  reject(new Error('stopped at last'));
  await vi.advanceTimersByTimeAsync(10_000);
  expect({ free: slots.free, changes, lines }).toEqual({ free: 2, changes: [], lines: [] });
});

it('a handler that does not is stuck, and keeps its slot; one that ends after all gives it back', async () => {
  const { slots, stuck, changes, lines, resolve } = watched();
  await vi.advanceTimersByTimeAsync(4_999);
  expect(stuck.count).toBe(0);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect({ stuck: stuck.count, free: slots.free }).toEqual({ stuck: 1, free: 1 });
  expect(lines.join('')).toMatch(/"level":"error".*one slot less until it ends/);
  resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect({ stuck: stuck.count, free: slots.free, changes }).toEqual({ stuck: 0, free: 2, changes: [1, 0] });
  expect(lines.join('')).toMatch(/has its slot again/);
});
