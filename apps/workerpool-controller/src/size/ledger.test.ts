import { expect, it } from 'vitest';
import { aDecision } from '../testing/objects.ts';
import { DecisionLedger } from './ledger.ts';

it('keeps the newest decision, whatever the order they come in', () => {
  const ledger = new DecisionLedger();
  for (const sequence of [2, 3, 1]) ledger.note(aDecision({ sequence }));
  expect(ledger.seen('pool-uid')).toMatchObject({ epoch: 1000, sequence: 3 });
});

it('hands changes of size out until they are reported, and no more than ten of them', () => {
  const ledger = new DecisionLedger();
  for (let atMs = 1; atMs <= 12; atMs++) ledger.scaled('pool-uid', { atMs, from: 0, to: atMs, reason: '' });
  const reported = ledger.unreported('pool-uid');
  expect(reported.map(({ atMs }) => atMs)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  ledger.scaled('pool-uid', { atMs: 13, from: 0, to: 13, reason: '' });
  ledger.reported('pool-uid', reported);
  expect(ledger.unreported('pool-uid').map(({ atMs }) => atMs)).toEqual([13]);
});

it('forgets a pool that is gone', () => {
  const ledger = new DecisionLedger();
  ledger.note(aDecision());
  ledger.forget('pool-uid');
  expect(ledger.seen('pool-uid')).toBeUndefined();
});

it('makes status wait while a decision is being acted on, and says so when it is done', () => {
  const ledger = new DecisionLedger();
  ledger.begin('pool-uid');
  ledger.begin('pool-uid');
  expect(ledger.waitMs('pool-uid', undefined, 0)).toBeGreaterThan(0);
  expect([ledger.done('pool-uid'), ledger.done('pool-uid')]).toEqual([false, true]);
  expect(ledger.waitMs('pool-uid', undefined, 0)).toBeUndefined();
  ledger.begin('pool-uid');
  expect(ledger.done('pool-uid')).toBe(false);
});

it('makes status wait until the Deployment shows the size that a decision gave it, for two seconds at most', () => {
  const ledger = new DecisionLedger();
  const fence = { epoch: 7, sequence: 3 };
  ledger.scaled('pool-uid', { atMs: 10_000, from: 0, to: 1, reason: '' }, fence);
  expect(ledger.waitMs('pool-uid', { epoch: 7, sequence: 2 }, 10_500)).toBe(1_500);
  expect(ledger.waitMs('pool-uid', fence, 10_500)).toBeUndefined();
  expect(ledger.waitMs('pool-uid', { epoch: 7, sequence: 4 }, 10_500)).toBeUndefined();
  expect(ledger.waitMs('pool-uid', { epoch: 7, sequence: 2 }, 12_000)).toBeUndefined();
  expect(ledger.waitMs('other-uid', undefined, 10_500)).toBeUndefined();
  const shown = [undefined, { epoch: 7, sequence: 2 }, fence].map((each) => ledger.isShown('pool-uid', each));
  expect([...shown, ledger.isShown('other-uid', undefined)]).toEqual([false, false, true, true]);
});

it('knows of decisions that were not understood until one is, and says once that they are', () => {
  const ledger = new DecisionLedger();
  expect([ledger.notUnderstood('pool-uid', '2.0'), ledger.notUnderstood('pool-uid', '2.0')]).toEqual([true, false]);
  expect(ledger.unknownVersion('pool-uid')).toBe('2.0');
  ledger.note(aDecision());
  expect(ledger.unknownVersion('pool-uid')).toBeUndefined();
});

const refused = { reason: 'ApiForbidden', message: 'no right' } as const;
const away = { reason: 'ApiUnavailable', message: 'no answer' } as const;

it('knows why decisions cannot be applied until one is, or none has come for a minute', () => {
  const ledger = new DecisionLedger();
  expect(ledger.applied('pool-uid')).toBe(false);
  expect(ledger.notApplied('pool-uid', refused, 1_000)).toBe(true);
  expect(ledger.notApplied('pool-uid', { ...refused, message: 'still no right' }, 2_000)).toBe(false);
  expect(ledger.unapplied('pool-uid', 3_000)).toEqual({ problem: refused, forMs: 59_000 });
  expect(ledger.notApplied('pool-uid', away, 4_000)).toBe(true);
  expect(ledger.unapplied('pool-uid', 64_000)).toBeUndefined();
  expect(ledger.applied('pool-uid')).toBe(true);
  expect(ledger.unapplied('pool-uid', 5_000)).toBeUndefined();
});

it('knows whether the last shrink spared busy pods, once there was one', () => {
  const ledger = new DecisionLedger();
  ledger.begin('pool-uid');
  expect(ledger.unspared('pool-uid')).toBeUndefined();
  ledger.choseVictims('pool-uid', refused);
  ledger.done('pool-uid');
  expect(ledger.unspared('pool-uid')).toBe(refused);
  ledger.choseVictims('pool-uid');
  expect(ledger.unspared('pool-uid')).toBeNull();
  ledger.forget('pool-uid');
  expect(ledger.unspared('pool-uid')).toBeUndefined();
});
