import type { Job } from 'bullmq';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLog } from '../log/log.ts';
import { PARKED_MS } from './parked-jobs.ts';
import { Slots } from './slots.ts';
import { explainStalls, mostBeside, Suspects, type Room } from './suspects.ts';

const never = new AbortController().signal;
const quiet = createLog('error', Date.now, () => undefined);
const jobOf = (stalledCounter: number, deferredFailure?: string) =>
  ({ id: String(stalledCounter), stalledCounter, ...(deferredFailure && { deferredFailure }) }) as Job;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A pod in which `busy` jobs run and one more has just been fetched. */
async function somePod(total: number, busy: number) {
  const slots = new Slots(total, { now: Date.now });
  for (let n = 0; n <= busy; n++) void (await slots.take('a', never));
  const suspects = new Suspects(slots, quiet, Date.now);
  const moves: string[] = [];
  const parked = {
    park: async () => void moves.push('parked'),
    keepParked: async () => void moves.push('kept'),
    toFront: async () => void moves.push('to the front'),
  };
  const stop = new AbortController();
  const makeRoom = (job: Job) => suspects.makeRoom({ parked, job, token: 't', queue: 'a', stop: stop.signal });
  return { slots, suspects, parked, moves, stop, makeRoom };
}

describe('a job that may have ended its process', () => {
  it.each([
    [0, 10, 10],
    [1, 10, 5],
    [1, 3, 1],
    [1, 1, 1],
    [2, 10, 1],
    [3, 10, 1],
  ])('after %i stalls, in a pod of %i slots, is one of %i jobs at most', (stalls, slots, most) => {
    expect(mostBeside(stalls, slots)).toBe(most);
  });

  it('runs when few enough others do, and keeps more away as long as it runs', async () => {
    const { slots, suspects } = await somePod(4, 1);
    expect(suspects.admit(jobOf(2))).toBeUndefined();
    const leave = suspects.admit(jobOf(1))!;
    expect([slots.free, slots.contendedBeside('a')]).toEqual([0, false]);
    leave();
    expect(slots.free).toBe(2);
  });

  it('keeps nobody away when it never stalled, or fails without running', async () => {
    const { slots, suspects } = await somePod(4, 2);
    for (const job of [jobOf(0), jobOf(4, 'job stalled more than allowable limit')])
      expect([suspects.admit(job) !== undefined, slots.free]).toEqual([true, 1]);
  });

  it('waits aside until the jobs that run have ended, while no other begins', async () => {
    const { slots, moves, makeRoom } = await somePod(3, 2);
    let room: Room | undefined;
    void makeRoom(jobOf(2)).then((made) => (room = made));
    await vi.advanceTimersByTimeAsync(0);
    const other = slots.take('b', never);
    expect([slots.jobs, slots.free]).toEqual([2, 0]);
    slots.release('a');
    await vi.advanceTimersByTimeAsync(PARKED_MS);
    expect([moves, room]).toEqual([['parked', 'kept', 'kept'], undefined]);
    slots.release('a');
    await vi.advanceTimersByTimeAsync(0);
    expect([moves.at(-1), slots.jobs]).toEqual(['to the front', 1]);
    room!.widen();
    expect(await other).toBe(true);
    await vi.advanceTimersByTimeAsync(2 * PARKED_MS);
    expect(moves.filter((move) => move === 'kept')).toHaveLength(2);
  });

  it('is left to other pods when the jobs that run take too long; then this pod works as always for four times as long', async () => {
    const { slots, moves, makeRoom } = await somePod(3, 2);
    const refetched = async (): Promise<Room | undefined> => {
      await slots.take('a', never);
      const made = makeRoom(jobOf(2));
      await vi.advanceTimersByTimeAsync(30_000);
      return await made;
    };
    slots.release('a');
    expect(await refetched()).toBeUndefined();
    expect([slots.free, moves.at(-1)]).toEqual([1, 'to the front']);
    expect(await refetched()).toBeUndefined();
    expect(moves.at(-1)).toBe('parked');
    await vi.advanceTimersByTimeAsync(90_000);
    void slots.take('a', never);
    const again = makeRoom(jobOf(2));
    await vi.advanceTimersByTimeAsync(59_000);
    expect(slots.free).toBe(0);
    slots.release('a');
    slots.release('a');
    expect(await again).toBeDefined();
  });

  it('is forgotten when somebody else took it meanwhile', async () => {
    const { slots, parked, moves, makeRoom } = await somePod(3, 2);
    parked.keepParked = () => Promise.reject(new Error('not delayed'));
    const made = makeRoom(jobOf(2));
    await vi.advanceTimersByTimeAsync(PARKED_MS);
    expect([await made, moves, slots.free]).toEqual([undefined, ['parked'], 1]);
  });

  it('goes to the front at once when the pod leaves', async () => {
    const { moves, stop, makeRoom } = await somePod(3, 2);
    const made = makeRoom(jobOf(2));
    await vi.advanceTimersByTimeAsync(0);
    stop.abort();
    expect([await made, moves]).toEqual([undefined, ['parked', 'to the front']]);
  });

  it('whose lock was lost is not waited for, and its slot is free', async () => {
    const { slots, parked, makeRoom } = await somePod(3, 2);
    parked.park = () => Promise.reject(new Error('Missing lock'));
    await expect(makeRoom(jobOf(2))).rejects.toThrow('Missing lock');
    expect(slots.free).toBe(1);
  });
});

it('the reason of a job that stalled too often begins as BullMQ’s, and says what happened', () => {
  const job = { deferredFailure: 'job stalled more than allowable limit', stalledCounter: 4 };
  explainStalls(job);
  expect(job.deferredFailure).toMatch(/^job stalled more than allowable limit: 4 times the process that ran it ended/);
  const other = { deferredFailure: 'child job failed', stalledCounter: 4 };
  explainStalls(other);
  expect(other.deferredFailure).toBe('child job failed');
});
