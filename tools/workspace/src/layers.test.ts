import { posix, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layeringCounts, layeringProblems, layeringOf } from './layers.ts';
import { importsOf, type ImportEdge } from './imports.ts';
import { readProjects } from './projects.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../..');

/** Imports below `libs/sample/src`, written as `importer → imported`. */
function layers(...arrows: string[]): ReturnType<typeof layeringOf> {
  const edges = arrows.map((arrow, index): ImportEdge => {
    const [from, to] = arrow.split(' → ').map((path) => `libs/sample/src/${path}.ts`) as [string, string];
    return { file: from, line: index + 1, specifier: posix.relative(posix.dirname(from), to), target: { path: to } };
  });
  return layeringOf('libs/sample', edges);
}

const upward = (...arrows: string[]): string[] => layers(...arrows).upward.map(({ edge }) => edge.file);
const cycles = (...arrows: string[]): string[] =>
  layers(...arrows).cycles.map(({ folder, members }) => `${folder}: ${members.join(' ')}`);

describe('upward imports', () => {
  it('are imports of a file that lies directly in a folder around the importer', () => {
    expect(upward('size/decide → types')).toEqual(['libs/sample/src/size/decide.ts']);
    expect(upward('deployment/template/merge → deployment/drift')).toHaveLength(1);
    expect(upward('deployment/template/merge → plan')).toHaveLength(1);
  });

  it('are not imports of the own folder, of folders within it, or of folders beside it', () => {
    expect(upward('plan → steps', 'wire → size/decide', 'size/decide → size/ledger')).toEqual([]);
    expect(upward('size/deep/decide → pods/blocked', 'pods/blocked → words/list')).toEqual([]);
  });

  it('say which folder imports from above, where, and what to do', () => {
    expect(layeringProblems(layers('size/decide → types'))).toEqual([
      'libs/sample/src/size/decide.ts:1: import of "../types.ts" goes upward, from libs/sample/src/size/ to a file ' +
        'directly in libs/sample/src/; move what is needed into a folder (into size/ if nobody else needs it), or pass it in',
    ]);
  });
});

describe('cycles between folders', () => {
  it('are found although no two files import each other', () => {
    expect(cycles('size/decide → pods/blocked', 'pods/list → size/words')).toEqual(['libs/sample/src: pods size']);
  });

  it('are found over a third folder, and are one cycle', () => {
    expect(cycles('a/x → b/x', 'b/x → c/x', 'c/y → a/y', 'c/x → d/x')).toEqual(['libs/sample/src: a b c']);
  });

  it('are found at every level, by the folders side by side that the files lie in', () => {
    expect(cycles('in/a/x → in/b/x', 'in/b/x → in/a/y')).toEqual(['libs/sample/src/in: a b']);
    expect(cycles('a/deep/er/x → b/x', 'b/other/x → a/y')).toEqual(['libs/sample/src: a b']);
  });

  it('are not there where imports go one way', () => {
    expect(cycles('a/x → b/x', 'b/x → c/x', 'a/y → c/x', 'main → a/x', 'main → b/x')).toEqual([]);
  });

  it('do not go through the top layer: only the upward import is reported', () => {
    const found = layers('main → a/x', 'a/x → main');
    expect([found.upward.length, found.cycles.length]).toEqual([1, 0]);
  });

  it('name every import between their folders', () => {
    const [problem] = layeringProblems(layers('a/x → b/x', 'b/y → a/y'));
    expect(problem).toMatch(/^libs\/sample\/src\/: a, b import each other; .*\n.*a\/x\.ts:1: .*\n.*b\/y\.ts:2: /);
  });
});

describe('what is for tests', () => {
  it.each(['size/decide.test', 'size/test-cluster', 'size/fixtures', 'testing/cluster', 'pod/plain.fixture'])(
    'may import what it needs: %s',
    (importer) => expect(upward(`${importer} → types`)).toEqual([]),
  );

  it('holds the entry for tests that the worker library ships to its rules', () => {
    const edge: ImportEdge = {
      file: 'libs/worker/src/testing/run-job.ts',
      line: 1,
      specifier: '../job.ts',
      target: { path: 'libs/worker/src/job.ts' },
    };
    expect(layeringOf('libs/worker', [edge]).upward).toHaveLength(1);
  });
});

it('the folders of every package are layers', { timeout: 60_000 }, () => {
  const all = readProjects(workspaceRoot).map(({ root }) => layeringOf(root, importsOf(workspaceRoot, root)));
  console.log(layeringCounts(all));
  expect(all.length).toBeGreaterThan(15);
  expect(all.flatMap(layeringProblems)).toEqual([]);
});
