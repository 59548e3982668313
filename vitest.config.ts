import { defineConfig } from 'vitest/config';
import { kindOf, reportFile } from './vitest.shared.ts';

/**
 * The tests of one kind of all projects in one run, as `make test` has them: files of different projects share workers,
 * and Vitest starts once. `--project @redis-queue/api` picks one.
 */
export default defineConfig(({ mode }) => ({
  test: {
    projects: ['{apps,examples,libs,tools}/*/vitest.config.ts', '{bench,bench/keda,e2e}/vitest.config.ts'],
    reporters: ['default', 'json'],
    outputFile: { json: reportFile('workspace', kindOf(mode)) },
  },
}));
