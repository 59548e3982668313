import { expect, it } from 'vitest';
import { DecisionLedger } from './ledger.ts';
import { aDecision } from './testbed.ts';

it('keeps the newest decision, whatever the order they come in', () => {
  const ledger = new DecisionLedger();
  for (const sequence of [2, 3, 1]) ledger.note(aDecision({ sequence }));
  expect(ledger.seen('pool-uid')).toMatchObject({ epoch: 1000, sequence: 3 });
});

it('hands changes of size out until they are told, and no more than ten of them', () => {
  const ledger = new DecisionLedger();
  for (let atMs = 1; atMs <= 12; atMs++) ledger.scaled('pool-uid', { atMs, from: 0, to: atMs, reason: '' });
  const told = ledger.untold('pool-uid');
  expect(told.map(({ atMs }) => atMs)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
  ledger.scaled('pool-uid', { atMs: 13, from: 0, to: 13, reason: '' });
  ledger.told('pool-uid', told);
  expect(ledger.untold('pool-uid').map(({ atMs }) => atMs)).toEqual([13]);
});

it('forgets a pool that is gone', () => {
  const ledger = new DecisionLedger();
  ledger.note(aDecision());
  ledger.forget('pool-uid');
  expect(ledger.seen('pool-uid')).toBeUndefined();
});
