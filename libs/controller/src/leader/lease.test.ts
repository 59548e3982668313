import { expect, it } from 'vitest';
import { ObservedLease, acquired, microTime, released, renewed, type Lease } from './lease.ts';

const now = new Date('2026-01-01T10:00:00.123Z');
const fresh: Lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'app', uid: 'u' } };
const at = (lease: Lease, resourceVersion: string): Lease => ({
  ...lease,
  metadata: { ...lease.metadata, resourceVersion },
});
const held = acquired(fresh, 'one', 15_000, now);

it('writes times with six digits, as Kubernetes does', () => {
  expect(microTime(now)).toBe('2026-01-01T10:00:00.123000Z');
});

it('a lease is free when nobody ever held it, or it was given back', () => {
  const observed = new ObservedLease();
  observed.observe(undefined, 0);
  expect(observed.remainingMs(0, 'two')).toBe(0);
  observed.observe(at(held, '1'), 1_000);
  expect(observed.remainingMs(1_000, 'two')).toBe(15_000);
  observed.observe(at(released(held, now), '2'), 2_000);
  expect(observed.remainingMs(2_000, 'two')).toBe(0);
});

it('runs out when this process saw no change for its duration, whatever its times say', () => {
  const observed = new ObservedLease();
  const byAClockAnHourAhead = acquired(fresh, 'one', 15_000, new Date('2026-01-01T11:00:00Z'));
  observed.observe(at(byAClockAnHourAhead, '1'), 1_000);
  expect(observed.remainingMs(15_999, 'two')).toBe(1);
  expect(observed.remainingMs(16_000, 'two')).toBe(0);
});

it('a renewal starts the time over; the same state reported again does not', () => {
  const observed = new ObservedLease();
  observed.observe(at(held, '1'), 0);
  observed.observe(at(renewed(held, now), '2'), 10_000);
  observed.observe(at(renewed(held, now), '2'), 20_000);
  expect(observed.remainingMs(20_000, 'two')).toBe(5_000);
});

it('a candidate that comes back under its own name need not wait for itself', () => {
  const observed = new ObservedLease();
  observed.observe(at(held, '1'), 0);
  expect(observed.remainingMs(1_000, 'one')).toBe(0);
  expect(observed.remainingMs(1_000, 'two')).toBe(14_000);
});

it('counts hand-overs and keeps the time of the hand-over through renewals', () => {
  const later = new Date('2026-01-01T10:00:30Z');
  const taken = acquired(held, 'two', 15_000, later);
  expect([held.spec?.leaseTransitions, taken.spec?.leaseTransitions]).toEqual([0, 1]);
  expect(renewed(taken, new Date('2026-01-01T10:01:00Z')).spec).toMatchObject({
    holderIdentity: 'two',
    acquireTime: '2026-01-01T10:00:30.000000Z',
    renewTime: '2026-01-01T10:01:00.000000Z',
  });
});
