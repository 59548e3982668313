import { describe, expect, it } from 'vitest';
import { balance, imbalances, type Entries } from './balance.ts';

function entries(changed: Partial<Entries> = {}): Entries {
  return {
    added: new Map([
      ['a', 'completed'],
      ['b', 'completed'],
      ['f', 'failed'],
    ]),
    completed: new Set(['a', 'b']),
    failed: new Set(['f']),
    effects: new Map([
      ['a', 1],
      ['b', 1],
    ]),
    starts: new Map([
      ['a', 1],
      ['b', 2],
      ['f', 2],
    ]),
    ...changed,
  };
}

describe('the ledger', () => {
  it('balances when every job ended once and as planned', () => {
    const result = balance(entries());
    expect(imbalances(result)).toEqual([]);
    expect(result).toMatchObject({ added: 3, completed: 2, failed: 1, restarts: 2 });
  });

  it('finds a job that neither finished nor failed', () => {
    const result = balance(entries({ completed: new Set(['a']) }));
    expect(result.lost).toEqual(['b']);
    expect(imbalances(result)).toEqual(['1 lost: b', '3 added, but 1 completed and 1 failed']);
  });

  it('finds a job that is called completed but has no effect', () => {
    expect(balance(entries({ effects: new Map([['a', 1]]) })).lost).toEqual(['b']);
  });

  it('finds an effect that was recorded twice, which at-least-once delivery may forgive', () => {
    const result = balance(entries({ effects: new Map(Object.entries({ a: 2, b: 1 })) }));
    expect(imbalances(result)).toEqual(['1 done twice: a']);
    expect(imbalances(result, { atLeastOnce: true })).toEqual([]);
  });

  it('finds a job that failed though it should not, or succeeded though it should not', () => {
    const failed = balance(entries({ completed: new Set(['a']), failed: new Set(['b', 'f']) }));
    expect(imbalances(failed)).toEqual(['1 ended otherwise than planned: b']);
    const effects = new Map(Object.entries({ a: 1, b: 1, f: 1 }));
    expect(balance(entries({ completed: new Set(['a', 'b', 'f']), failed: new Set(), effects })).unplanned).toEqual([
      'f',
    ]);
  });

  it('finds a job that nobody added', () => {
    expect(imbalances(balance(entries({ completed: new Set(['a', 'b', 'x']) })))).toEqual([
      '1 done without having been added: x',
    ]);
  });
});
