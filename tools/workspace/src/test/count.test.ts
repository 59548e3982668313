import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { closingLine, readCounts, readFailures } from './count.ts';

const workspaceRoot = '/checkout';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'results-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a report as Vitest does, of these test files and the outcomes of their tests. */
function report(name: string, files: Record<string, string[]>): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  const testResults = Object.entries(files).map(([file, outcomes]) => ({
    name: join(workspaceRoot, file),
    status: outcomes.every((status) => status === 'passed') && outcomes.length > 0 ? 'passed' : 'failed',
    assertionResults: outcomes.map((status) => ({ status })),
  }));
  writeFileSync(path, JSON.stringify({ testResults }));
}

const closing = (options: { selected?: boolean } = {}): string =>
  closingLine(readCounts(folder, { workspaceRoot, ...options }), 0);

it('counts per project and kind of test, whichever run reported it', () => {
  report('workspace.test.json', {
    'libs/api/src/a.test.ts': ['passed', 'passed'],
    'libs/api/src/crd/b.test.ts': ['passed'],
    'bench/keda/src/c.test.ts': ['failed'],
  });
  report('@redis-queue/api.integration.json', { 'libs/api/src/d.integration.test.ts': ['passed'] });
  report('workspace.e2e.json', { 'e2e/src/e.e2e.test.ts': ['passed'] });
  expect(readCounts(folder, { workspaceRoot })).toEqual([
    { suite: 'bench/keda unit', passed: 0, failed: 1, skipped: 0 },
    { suite: 'e2e e2e', passed: 1, failed: 0, skipped: 0 },
    { suite: 'libs/api integration', passed: 1, failed: 0, skipped: 0 },
    { suite: 'libs/api unit', passed: 3, failed: 0, skipped: 0 },
  ]);
  expect(closing()).toBe('5 passed, 1 failed');
});

it('counts a skipped test as a failure, and one to be written', () => {
  report('workspace.test.json', { 'libs/api/src/a.test.ts': ['passed', 'failed', 'skipped', 'todo', 'pending'] });
  expect(closing()).toBe('1 passed, 4 failed');
});

it('counts a test file that cannot be loaded as a failure', () => {
  report('workspace.test.json', { 'libs/api/src/a.test.ts': ['passed'], 'libs/api/src/b.test.ts': [] });
  expect(closing()).toBe('1 passed, 1 failed');
});

it('names each test that failed, and the first line of why', () => {
  const failed = { status: 'failed', fullName: 'pools grow', failureMessages: ['Error: waited\n  at line 3'] };
  const testResults = [
    { name: '/checkout/libs/api/src/a.test.ts', status: 'failed', assertionResults: [failed, { status: 'passed' }] },
    { name: '/checkout/libs/api/src/b.test.ts', status: 'failed', message: 'no such module', assertionResults: [] },
    { name: '/checkout/libs/api/src/c.test.ts', status: 'passed', assertionResults: [{ status: 'passed' }] },
  ];
  writeFileSync(join(folder, 'workspace.test.json'), JSON.stringify({ testResults }));
  expect(readFailures(folder, workspaceRoot)).toEqual([
    '✘ libs/api/src/a.test.ts: pools grow: Error: waited',
    '✘ libs/api/src/b.test.ts: cannot be loaded: no such module',
  ]);
});

it('does not close with 0 failed when a step failed before its tests ran', () => {
  expect(closingLine([], 2)).toBe('0 passed, 2 failed');
});

it('does not count the tests that a run by name left out', () => {
  report('api.test.json', { 'libs/api/src/a.test.ts': ['passed', 'skipped'] });
  expect(closing({ selected: true })).toBe('1 passed, 0 failed');
  expect(closing()).toBe('1 passed, 1 failed');
});
