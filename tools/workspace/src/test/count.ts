import { globSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { kindOf } from './named.ts';

export interface Count {
  /** Project and kind of test, such as `libs/api integration`. */
  suite: string;
  passed: number;
  failed: number;
  /** Skipped or to-do: each is a promise nobody keeps, so `make test` counts it as a failure. */
  skipped: number;
}

interface VitestReport {
  testResults: {
    /** Absolute path. */
    name: string;
    /** Of the file: one that could not even be loaded is failed and has no test. */
    status: string;
    /** Why, where the file could not be loaded. */
    message?: string;
    assertionResults: { status: string; fullName?: string; failureMessages?: string[] | null }[];
  }[];
}

/**
 * Reads Vitest's JSON reports of a run, one count for each project and kind of test, sorted by name.
 *
 * @param selected whether the run was of tests selected by name: Vitest reports all others as skipped, which they are not.
 */
export function readCounts(
  folder: string,
  { workspaceRoot, selected = false }: { workspaceRoot: string; selected?: boolean },
): Count[] {
  const counts = new Map<string, Count>();
  for (const file of readReports(folder)) {
    const suite = suiteOf(relative(workspaceRoot, file.name));
    const sum = counts.get(suite) ?? { suite, passed: 0, failed: 0, skipped: 0 };
    const { passed, failed, skipped } = count(file);
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped += selected ? 0 : skipped;
    counts.set(suite, sum);
  }
  return [...counts.values()].toSorted((a, b) => (a.suite < b.suite ? -1 : 1));
}

/** Which tests failed and why, a line each: who sees the end of the output only has to see this. */
export function readFailures(folder: string, workspaceRoot: string): string[] {
  return readReports(folder).flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(workspaceRoot, name);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length === 0) return status === 'failed' ? [failure(file, 'cannot be loaded', message)] : [];
    return failed.map((test) => failure(file, test.fullName ?? '', test.failureMessages?.[0]));
  });
}

function failure(file: string, test: string, message = ''): string {
  return `✘ ${file}: ${test}: ${stripVTControlCharacters(message).split('\n', 1)[0]!.slice(0, 300)}`;
}

function readReports(folder: string): VitestReport['testResults'] {
  return globSync('**/*.json', { cwd: folder }).flatMap((report) => {
    const { testResults } = JSON.parse(readFileSync(join(folder, report), 'utf8')) as VitestReport;
    return testResults;
  });
}

/** The project's folder and the kind of test, such as `libs/api integration`. */
function suiteOf(path: string): string {
  const [project = ''] = path.split('/src/');
  return `${project} ${kindOf(path).step}`;
}

function count({ status, assertionResults }: VitestReport['testResults'][number]): Omit<Count, 'suite'> {
  const of = (outcome: string): number => assertionResults.filter((test) => test.status === outcome).length;
  const broken = status === 'failed' && assertionResults.length === 0 ? 1 : 0;
  const passed = of('passed');
  const failed = of('failed');
  return { passed, failed: failed + broken, skipped: assertionResults.length - passed - failed };
}

/** The closing line, read by people and by CI. */
export function closingLine(counts: Count[], failedSteps: number): string {
  const passed = counts.reduce((sum, each) => sum + each.passed, 0);
  const failed = counts.reduce((sum, each) => sum + each.failed + each.skipped, 0);
  return `${passed} passed, ${Math.max(failed, failedSteps)} failed`;
}
