import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closingLine, count, readCounts } from './count.ts';

const report = { numPassedTests: 3, numFailedTests: 1, numPendingTests: 1, numTodoTests: 0, testResults: [] };

it('counts a skipped test as a failure', () => {
  expect(closingLine([count('api.test', report)], 0)).toBe('3 passed, 2 failed');
});

it('counts a test file that cannot be loaded as a failure', () => {
  const broken = {
    ...report,
    numFailedTests: 0,
    numPendingTests: 0,
    testResults: [{ status: 'failed', assertionResults: [] }],
  };
  expect(closingLine([count('api.test', broken)], 0)).toBe('3 passed, 1 failed');
});

it('does not close with 0 failed when a step failed before its tests ran', () => {
  expect(closingLine([], 2)).toBe('0 passed, 2 failed');
});

it('does not count the tests that a run by name left out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'results-'));
  try {
    writeFileSync(join(folder, 'api.test.json'), JSON.stringify({ ...report, numFailedTests: 0 }));
    expect(closingLine(readCounts(folder, { selected: true }), 0)).toBe('3 passed, 0 failed');
    expect(closingLine(readCounts(folder), 0)).toBe('3 passed, 1 failed');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
