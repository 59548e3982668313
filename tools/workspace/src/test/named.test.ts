import { describe, expect, it } from 'vitest';
import { filesWithTest, isProject, namedSteps, type TestFile } from './named.ts';

const file = (path: string, text = ''): TestFile => ({ path, text });

describe('the files in which a test is looked for', () => {
  const files = [
    file('libs/scaling/src/rise.test.ts', "it('a burst of jobs is seen', () => {})"),
    file('libs/scaling/src/size.test.ts', "describe('the size', () => it('holds in a burst', () => {}))"),
    file('libs/api/src/cel.test.ts', "it.each([1])('refuses %i pods', () => {})"),
  ];
  const found = (name: string): string[] => filesWithTest(files, name).map(({ path }) => path);

  it('have a part of the name as it is', () => {
    expect(found('burst of jobs')).toEqual(['libs/scaling/src/rise.test.ts']);
    expect(found('a burst')).toHaveLength(2);
  });

  it('or all of its words, where the name spans describe and test or holds values', () => {
    expect(found('the size holds')).toEqual(['libs/scaling/src/size.test.ts']);
    expect(found('refuses 1 pods')).toEqual(['libs/api/src/cel.test.ts']);
  });

  it('are none where no file has them', () => {
    expect(found('reads the mind')).toEqual([]);
    expect(found('42')).toEqual([]);
  });
});

it('a project is meant by its folder, its path or its package', () => {
  expect(['api', 'libs/api', '@redis-queue/api'].map((meant) => isProject('libs/api', meant))).toEqual([
    true,
    true,
    true,
  ]);
  expect(isProject('libs/api', 'pi')).toBe(false);
});

it('each project and kind is one step, unit tests first, with the name as a text', () => {
  const files = ['libs/api/src/a.integration.test.ts', 'e2e/src/b.e2e.test.ts', 'libs/api/src/c.test.ts'];
  const steps = namedSteps(
    files.map((path) => file(path)),
    ['libs/api', 'e2e'],
    'is 0 (or 1)?',
  );
  expect(steps.map(({ name, cwd }) => [name, cwd])).toEqual([
    ['unit libs/api', 'libs/api'],
    ['integration libs/api', 'libs/api'],
    ['e2e e2e', 'e2e'],
  ]);
  expect(steps[0]!.command.join(' ')).toBe(String.raw`npx vitest run --mode test -t is 0 \(or 1\)\? src/c.test.ts`);
  expect(steps[2]!.remedy).toBe(String.raw`cd e2e && npx vitest --mode e2e -t 'is 0 \(or 1\)\?' src/b.e2e.test.ts`);
});
