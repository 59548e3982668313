import { expect, it } from 'vitest';
import type { WorkerPoolStatus } from '@redis-queue/api';
import type { ScalingDecision } from '@redis-queue/scaling-bus';
import type { BlockedPods } from '../pods/blocked.ts';
import type { StatusInput } from '../status.ts';
import { aDecision, aPool, autoscaled } from '../testing/objects.ts';
import { allReady, deployment, looping, statusOf } from '../testing/statuses.ts';
import { compareStatus } from './news.ts';

const pool = aPool(autoscaled(0, 10));
const status = (change: Partial<StatusInput> = {}) =>
  statusOf(pool, { deployment: deployment(pool, 1, allReady(1)), decision: aDecision(), ...change });
const decided = (change: Partial<ScalingDecision>) => status({ decision: aDecision({ sequence: 2, ...change }) });
const [signal] = aDecision().signals;

/** The status while `ready` of `replicas` pods are ready. */
function counted(replicas: number, ready: number): WorkerPoolStatus {
  return status({ deployment: deployment(pool, replicas, { ...allReady(replicas), readyReplicas: ready }) });
}

it('an equal status is no news, in whatever order its conditions stand', () => {
  const stored = status();
  stored.conditions?.reverse();
  expect(compareStatus(stored, status())).toBe('none');
});

it.each<[string, Partial<ScalingDecision>]>([
  ['signals that move by less than a tenth', { signals: [{ ...signal!, depth: 430, arrivalRate: 12 }] }],
  ['a sentence with other numbers', { reason: '5 replicas: 412 jobs wait' }],
  ['a newer sample', { sampledAt: 1_060_000, cooldownUntil: 1_090_000 }],
])('no news: %s', (_, change) => {
  expect(compareStatus(status(), decided(change))).toBe('none');
});

it.each<[string, Partial<ScalingDecision>]>([
  ['a signal moves by a tenth', { signals: [{ ...signal!, depth: 440 }] }],
  ['a signal goes to 0', { signals: [{ ...signal!, wants: 0 }] }],
  ['a signal is not measured any more', { signals: [{ queue: signal!.queue, depth: 400 }] }],
  ['the sentence says something else', { reason: '5 replicas: 400 jobs run' }],
  ['confidence falls', { confidence: 0.5 }],
])('numbers: %s', (_, change) => {
  expect(compareStatus(status(), decided(change))).toBe('numbers');
});

it.each<[string, Partial<ScalingDecision>]>([
  ['a hold', { heldBy: 'StabilizationWindow' }],
  ['missing data', { heldBy: 'StaleData' }],
  ['a limit', { safetyLimitHit: true }],
  ['a new autoscaler', { epoch: 2_000 }],
])('holds: %s', (_, change) => {
  expect(compareStatus(status(), decided(change))).toBe('holds');
  expect(compareStatus(decided(change), status())).toBe('holds');
});

it.each<[string, Partial<StatusInput>]>([
  ['another size', { deployment: deployment(pool, 2, allReady(2)) }],
  ['another desired size', { decision: aDecision({ desiredReplicas: 9 }) }],
  ['a change of size to report', { scalings: [{ atMs: 0, from: 1, to: 2, reason: '' }] }],
  ['another writer of the size', { contest: { manager: 'kubectl', kind: 'repair', untilMs: 0 } }],
  ['decisions that are not understood', { unknownVersion: '2.0' }],
  ['a size that cannot be written', { unapplied: { reason: 'ApiForbidden', message: 'no right' } }],
  ['a shrink that spares nobody', { unspared: { reason: 'ApiForbidden', message: 'no right' } }],
])('news: %s', (_, change) => {
  expect(compareStatus(status(), status(change))).toBe('news');
});

const noSecret = { state: 'absent', problem: 'Secret a/b of the bus does not exist; create it' } as const;
const refused = { state: 'unusable', problem: 'Redis refused the user or password' } as const;

it.each<[string, Partial<StatusInput>, Partial<StatusInput>]>([
  ['is lost', {}, { bus: noSecret }],
  ['is lost before the first decision', { decision: undefined }, { decision: undefined, bus: refused }],
  ['is configured and refuses', { bus: noSecret }, { bus: refused }],
  ['has another problem', { bus: noSecret }, { bus: { ...noSecret, problem: 'Secret a/b of the bus: no URL' } }],
])('holds, since it is news of all pools at once: the bus %s', (_, before, after) => {
  expect(compareStatus(status(before), status(after))).toBe('holds');
  expect(compareStatus(status(after), status(before))).toBe('holds');
});

it.each([
  ['is known', undefined, 8],
  ['moves', 8, 30],
])('holds: the start time of pods %s', (_, before, after) => {
  expect(compareStatus(status({ podStartSeconds: before }), status({ podStartSeconds: after }))).toBe('holds');
});

it.each<[string, WorkerPoolStatus, WorkerPoolStatus]>([
  ['come', counted(100, 50), counted(100, 51)],
  ['go', counted(100, 50), counted(100, 49)],
])('holds: less than a tenth of the pods %s', (_, before, after) => {
  expect(before.conditions?.[0]?.message).not.toBe(after.conditions?.[0]?.message);
  expect(compareStatus(before, after)).toBe('holds');
});

it.each<[string, WorkerPoolStatus, WorkerPoolStatus]>([
  ['a tenth of the pods come', counted(100, 50), counted(100, 55)],
  ['the first pod comes', counted(100, 0), counted(100, 1)],
  ['the last pod comes', counted(100, 99), counted(100, 100)],
  ['one of all pods goes', counted(100, 100), counted(100, 99)],
])('news: %s', (_, before, after) => {
  expect(compareStatus(before, after)).toBe('news');
});

it('blocked pods that get more, or restart, are numbers; others are news', () => {
  const more: BlockedPods = { counts: { crashLooping: 2 }, problem: { reason: 'CrashLooping', message: '3 restarts' } };
  const found = { deployment: deployment(pool, 2, { ...allReady(2), readyReplicas: 0 }) };
  const before = status({ ...found, blocked: looping });
  expect(compareStatus(before, status({ ...found, blocked: more }))).toBe('numbers');
  expect(compareStatus(before, status(found))).toBe('news');
  expect(compareStatus(before, status({ ...found, blocked: { ...looping, counts: { imageFailing: 1 } } }))).toBe(
    'news',
  );
});

const killed = (times: number) =>
  ({ killed: { problem: { reason: 'OOMKilled', message: `${times} times` } } }) as const;

it('kills of pods are news when they begin and end, and numbers in between', () => {
  const found = { deployment: deployment(pool, 2, allReady(2)) };
  expect(compareStatus(status(found), status({ ...found, ...killed(1) }))).toBe('news');
  expect(compareStatus(status({ ...found, ...killed(1) }), status({ ...found, ...killed(2) }))).toBe('numbers');
  expect(compareStatus(status({ ...found, ...killed(2) }), status(found))).toBe('news');
});
