import { statSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { kindOf, reportFile } from './vitest.shared.ts';

/** Integration tests of 40 s and more, mostly waiting. One that starts last is waited for by all others. */
const LONG = [
  'apps/autoscaler/src/autoscaler.integration.test.ts',
  'apps/autoscaler/src/sampling/redis-sampler.integration.test.ts',
  'apps/autoscaler/src/takeover.integration.test.ts',
  'apps/backup-controller/src/failures.integration.test.ts',
  'apps/queue-controller/src/failures.integration.test.ts',
  'apps/queue-controller/src/neighbours.integration.test.ts',
  'apps/workerpool-controller/src/deployment/rollout.integration.test.ts',
  'apps/workerpool-controller/src/failures.integration.test.ts',
  'apps/workerpool-controller/src/process.integration.test.ts',
  'apps/workerpool-controller/src/status/events.integration.test.ts',
  'apps/workerpool-controller/src/status/namespace.integration.test.ts',
  'examples/python-worker/src/python-worker.integration.test.ts',
  'libs/worker/src/pod/crash.integration.test.ts',
  'tools/charts/src/installation.integration.test.ts',
];

/** Long files first, then big ones, whichever project they belong to. */
class LongestFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return Promise.resolve(files.toSorted((a, b) => weight(b.moduleId) - weight(a.moduleId)));
  }
}

function weight(file: string): number {
  const long = LONG.some((path) => file.endsWith(`/${path}`));
  return long ? Number.MAX_SAFE_INTEGER : statSync(file).size;
}

/**
 * The tests of one kind of all projects in one run, as `make test` has them: files of different projects share workers,
 * and Vitest starts once. `--project @redis-queue/api` picks one.
 */
export default defineConfig(({ mode }) => ({
  test: {
    projects: ['{apps,examples,libs,tools}/*/vitest.config.ts', '{bench,bench/keda,e2e}/vitest.config.ts'],
    // Vitest's own order, project by project, is the one in which unit tests can share workers.
    ...(mode === 'integration' && { sequence: { sequencer: LongestFirst } }),
    reporters: ['default', 'json'],
    outputFile: { json: reportFile('workspace', kindOf(mode)) },
  },
}));
