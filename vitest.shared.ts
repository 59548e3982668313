import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The kinds of test, by the file's name and by what they need. */
const KINDS = {
  /** Nothing. Files share a worker and its modules, of which the most would be loaded again for every file. */
  test: { include: 'src/**/*.test.ts', testTimeout: 60_000, isolate: false },
  /** Real servers on loopback, for which they mostly wait: three files at a time keep two cores busy. */
  integration: { include: 'src/**/*.integration.test.ts', testTimeout: 180_000, maxWorkers: 3 },
  /** Real pods, so root. One file at a time: controllers that watch a whole cluster would meet in it. */
  e2e: { include: 'src/**/*.e2e.test.ts', testTimeout: 600_000, maxWorkers: 1 },
} as const;
export type Kind = keyof typeof KINDS;

/** The mode of Vitest picks the kind; without one it is the unit tests. */
export function kindOf(mode: string): Kind {
  return mode === 'integration' || mode === 'e2e' ? mode : 'test';
}

/** Where a run of `name`, a package or all of them, reports to: Nx restores it from there and `make test` counts it. */
export function reportFile(name: string, kind: Kind): string {
  return new URL(`.results/${name}.${kind}.json`, import.meta.url).pathname;
}

/**
 * One Vitest configuration for every project: `--mode integration` and `--mode e2e` pick those kinds, else the unit
 * tests run. It holds for a run in the project's folder and for its part of a run over the workspace.
 *
 * @param settings what a project needs beside, for one kind of test.
 */
export function projectConfig(
  projectRoot: string,
  settings: Partial<Record<Kind, ViteUserConfig['test']>> = {},
): ReturnType<typeof defineConfig> {
  return defineConfig(({ mode }) => {
    const kind = kindOf(mode);
    const { include, ...limits } = KINDS[kind];
    return {
      test: {
        root: projectRoot,
        include: [include],
        exclude: kind === 'test' ? [KINDS.integration.include, KINDS.e2e.include] : [],
        passWithNoTests: false,
        hookTimeout: 600_000,
        reporters: ['default', 'json'],
        outputFile: { json: reportFile(packageName(projectRoot), kind) },
        ...limits,
        ...settings[kind],
      },
    };
  });
}

function packageName(projectRoot: string): string {
  return (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { name: string }).name;
}
