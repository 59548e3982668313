import { defineConfig, type ConfigEnv, type ViteUserConfig } from 'vitest/config';
import { projectConfig } from '../../vitest.shared.ts';

/** `--mode e2e` picks these: real pods, so root. */
const E2E = 'src/**/*.e2e.test.ts';
const INTEGRATION = 'src/**/*.integration.test.ts';

export default defineConfig((env) => {
  const e2e: ViteUserConfig['test'] = {
    include: [E2E],
    exclude: [],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    outputFile: { json: new URL('../../.results/cluster.e2e.json', import.meta.url).pathname },
  };
  const overrides = env.mode === 'e2e' ? e2e : env.mode === 'integration' ? {} : { exclude: [E2E, INTEGRATION] };
  const config = projectConfig(import.meta.dirname, overrides);
  return (config as unknown as (env: ConfigEnv) => ViteUserConfig)(env);
});
