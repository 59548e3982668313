import { defineConfig } from 'vitest/config';

const E2E = 'src/**/*.e2e.test.ts';

/** `--mode e2e` runs what needs a cluster with real pods; else the unit tests run, which need nothing. */
export default defineConfig(({ mode }) => {
  const pods = mode === 'e2e';
  return {
    test: {
      root: import.meta.dirname,
      include: [pods ? E2E : 'src/**/*.test.ts'],
      exclude: pods ? [] : [E2E],
      globalSetup: pods ? ['src/cluster/global-setup.ts'] : [],
      testTimeout: pods ? 300_000 : 10_000,
      hookTimeout: 300_000,
      fileParallelism: !pods,
      reporters: ['default', 'json'],
      outputFile: { json: `${import.meta.dirname}/../.results/e2e.${pods ? 'e2e' : 'test'}.json` },
    },
  };
});
