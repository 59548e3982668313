import { expect, it } from 'vitest';
import { closingLine, count } from './count.ts';

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
