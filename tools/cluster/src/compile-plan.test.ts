import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { libraryParts, parsePlan } from './compile-plan.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'compile-plan-'));
  writeFileSync(join(folder, 'a.go'), 'x'.repeat(1_000));
  writeFileSync(join(folder, 'b.go'), 'x'.repeat(500_000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const line = (path: string, name: string, stale: boolean, reason: string, files: string): string =>
  [path, name, String(stale), reason, folder, files].join('\t');

describe('what has to be compiled', () => {
  it('is what Go calls stale, and every program, which is always linked', () => {
    const plan = parsePlan(
      [
        line('fmt', 'fmt', false, '', 'a.go'),
        line('k8s.io/api', 'api', true, 'build ID mismatch', 'a.go b.go'),
        line('k8s.io/apiserver', 'apiserver', true, 'stale dependency: k8s.io/api', 'a.go'),
        line('k8s.io/cached', 'cached', true, 'not installed but available in build cache', 'a.go'),
        line('example.com/program', 'main', false, '', 'a.go'),
        '',
      ].join('\n'),
    );
    expect([...plan.keys()]).toEqual(['k8s.io/api', 'k8s.io/apiserver', 'example.com/program']);
  });

  it('costs more the more source there is, and linking most', () => {
    const plan = parsePlan(
      [
        line('small', 'small', true, 'build ID mismatch', 'a.go'),
        line('big', 'big', true, 'build ID mismatch', 'a.go b.go'),
        line('gone', 'gone', true, 'build ID mismatch', 'no-such-file.go'),
        line('program', 'main', true, 'build ID mismatch', 'a.go'),
      ].join('\n'),
    );
    const cost = (path: string): number => plan.get(path)!;
    expect(cost('big') - cost('small')).toBe(500_000);
    expect(cost('gone')).toBeGreaterThan(0);
    expect(cost('program')).toBeGreaterThan(cost('big'));
  });
});

describe('the parts of a build', () => {
  it('cost about the same, in the order of the plan, without what Go cannot be told to compile or what is linked', () => {
    const plan = new Map([
      ['internal/abi', 100],
      ['fmt', 100],
      ['a.io/first', 100],
      ['a.io/internal/second', 100],
      ['a.io/third', 100],
      ['a.io/program', 100],
      ['a.io/fourth', 100],
      ['a.io/fifth', 100],
    ]);
    expect(libraryParts(plan, ['a.io/program'], 2)).toEqual([['a.io/first']]);
    expect(libraryParts(plan, ['a.io/program'], 4)).toEqual([['a.io/first'], ['a.io/third']]);
    expect(libraryParts(plan, ['a.io/program'], 1)).toEqual([]);
    expect(libraryParts(new Map(), [], 4)).toEqual([]);
  });
});
