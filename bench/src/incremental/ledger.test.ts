import { expect, it } from 'vitest';
import { judge, ledgerLine, readLedger, type FoundJob, type LedgerEntry } from './ledger.ts';

const window = { fromMs: 100, toMs: 200 };
const verdict = (entries: readonly LedgerEntry[], found: Record<string, FoundJob>) =>
  judge(readLedger(entries.map(ledgerLine).join('')), new Map(Object.entries(found)), window);
const as = (version: number, hasEnded = false): FoundJob => ({ version, hasEnded });

it('a job that was there all the time has to be found', () => {
  expect(verdict([['added', 'a', 99]], {})).toEqual({ throughout: 1, missing: 1, different: 0 });
  expect(verdict([['added', 'a', 99]], { a: as(1) })).toEqual({ throughout: 1, missing: 0, different: 0 });
});

it('one that came or went meanwhile may be there or not', () => {
  const entries: LedgerEntry[] = [
    ['added', 'a', 100],
    ['added', 'b', 1],
    ['removed', 'b', 200],
  ];
  expect(verdict(entries, {})).toEqual({ throughout: 0, missing: 0, different: 0 });
  expect(verdict([...entries.slice(1, 2), ['removed', 'b', 201]], {})).toMatchObject({ missing: 1 });
});

it('one that changes has a version that it had meanwhile, and no other', () => {
  const entries: LedgerEntry[] = [
    ['added', 'a', 1],
    ['changed', 'a', 2, 50, 60],
    ['changed', 'a', 3, 90, 110],
    ['changed', 'a', 4, 201, 210],
  ];
  expect([1, 2, 3, 4].map((version) => verdict(entries, { a: as(version) }).different)).toEqual([1, 0, 0, 1]);
});

it('one that had ended before has ended', () => {
  const entries: LedgerEntry[] = [
    ['added', 'a', 1],
    ['ended', 'a', 99],
    ['added', 'b', 1],
    ['ended', 'b', 100],
  ];
  expect(verdict(entries, { a: as(1), b: as(1) })).toMatchObject({ different: 1 });
  expect(verdict(entries, { a: as(1, true), b: as(1, true) })).toMatchObject({ different: 0 });
});

it('reads a file whose last line is being written', () => {
  expect([...readLedger(`${ledgerLine(['added', 'a', 1])}["added","b`).keys()]).toEqual(['a']);
});
