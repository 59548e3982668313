import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The kinds of test, by the file's name and by what they need. */
const KINDS = {
  /** Nothing. */
  test: { include: 'src/**/*.test.ts', testTimeout: 10_000 },
  /** Real servers on loopback. */
  integration: { include: 'src/**/*.integration.test.ts', testTimeout: 60_000 },
  /** Real pods, so root. */
  e2e: { include: 'src/**/*.e2e.test.ts', testTimeout: 300_000 },
} as const;
type Kind = keyof typeof KINDS;

/**
 * One Vitest configuration for every project: `--mode integration` and `--mode e2e` pick those kinds, else the unit
 * tests run. Results also go to `.results/<package>.<kind>.json`, where Nx restores them from its cache and from which
 * `make test` counts.
 *
 * @param settings what a project needs beside, for one kind of test.
 */
export function projectConfig(
  projectRoot: string,
  settings: Partial<Record<Kind, ViteUserConfig['test']>> = {},
): ReturnType<typeof defineConfig> {
  return defineConfig(({ mode }) => {
    const kind: Kind = mode === 'integration' || mode === 'e2e' ? mode : 'test';
    const { include, testTimeout } = KINDS[kind];
    return {
      test: {
        root: projectRoot,
        include: [include],
        exclude: kind === 'test' ? [KINDS.integration.include, KINDS.e2e.include] : [],
        passWithNoTests: false,
        testTimeout,
        hookTimeout: 300_000,
        fileParallelism: kind === 'test',
        reporters: ['default', 'json'],
        outputFile: { json: new URL(`.results/${packageName(projectRoot)}.${kind}.json`, import.meta.url).pathname },
        ...settings[kind],
      },
    };
  });
}

function packageName(projectRoot: string): string {
  return (JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { name: string }).name;
}
