import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

export interface Count {
  /** Project and kind of test, such as `api.integration`. */
  suite: string;
  passed: number;
  failed: number;
  /** Skipped or to-do: each is a promise nobody keeps, so `make test` counts it as a failure. */
  skipped: number;
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  /** Files that could not even be loaded count no test but fail the suite. */
  testResults: { status: string; assertionResults: unknown[] }[];
}

/**
 * Reads Vitest's JSON reports of a run, one count for each suite, sorted by name.
 *
 * @param selected whether the run was of tests selected by name: Vitest reports all others as skipped, which they are not.
 */
export function readCounts(folder: string, { selected = false } = {}): Count[] {
  return globSync('**/*.json', { cwd: folder })
    .toSorted()
    .map((file) => count(basename(file, '.json'), JSON.parse(readFileSync(join(folder, file), 'utf8')) as VitestReport))
    .map((each) => (selected ? { ...each, skipped: 0 } : each));
}

export function count(suite: string, report: VitestReport): Count {
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  return {
    suite,
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** The closing line, read by people and by CI. */
export function closingLine(counts: Count[], failedSteps: number): string {
  const passed = counts.reduce((sum, each) => sum + each.passed, 0);
  const failed = counts.reduce((sum, each) => sum + each.failed + each.skipped, 0);
  return `${passed} passed, ${Math.max(failed, failedSteps)} failed`;
}
