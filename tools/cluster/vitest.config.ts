import { defineConfig, type ConfigEnv, type ViteUserConfig } from 'vitest/config';
import { projectConfig } from '../../vitest.shared.ts';

/** `--mode e2e` picks `x.e2e.test.ts`: real pods, so root. */
const E2E = 'src/**/*.e2e.test.ts';

export default defineConfig((env) => {
  const e2e = env.mode === 'e2e';
  const config = projectConfig(import.meta.dirname, {
    include: [e2e ? E2E : 'src/**/*.test.ts'],
    exclude: e2e ? [] : [E2E],
    ...(e2e && {
      fileParallelism: false,
      testTimeout: 120_000,
      hookTimeout: 300_000,
      outputFile: { json: new URL('../../.results/cluster.e2e.json', import.meta.url).pathname },
    }),
  });
  return (config as unknown as (env: ConfigEnv) => ViteUserConfig)(env);
});
