import { basename } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** The kinds of test, by the file's name: `x.test.ts` needs nothing, `x.integration.test.ts` real servers on loopback. */
const INTEGRATION = 'src/**/*.integration.test.ts';

/**
 * One Vitest configuration for every project: `--mode integration` picks the integration tests, else the unit tests.
 * Results also go to `.results/<project>.<mode>.json`, from which `make test` counts.
 */
export function projectConfig(projectRoot: string, overrides: ViteUserConfig['test'] = {}): ViteUserConfig {
  return defineConfig(({ mode }) => {
    const integration = mode === 'integration';
    const project = basename(projectRoot);
    return {
      test: {
        root: projectRoot,
        include: [integration ? INTEGRATION : 'src/**/*.test.ts'],
        exclude: integration ? [] : [INTEGRATION],
        passWithNoTests: false,
        testTimeout: integration ? 60_000 : 10_000,
        hookTimeout: 120_000,
        fileParallelism: !integration,
        reporters: ['default', 'json'],
        outputFile: {
          json: new URL(`.results/${project}.${integration ? 'integration' : 'test'}.json`, import.meta.url).pathname,
        },
        ...overrides,
      },
    };
  }) as ViteUserConfig;
}
