import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { runController, testCluster, type RunningController, type TestCluster } from './cluster.ts';

// Importing this gives a test file a cluster, and each test a namespace and a controller that runs.

export let t: TestCluster;
export let ns: string;
export let controller: RunningController;

/** Another controller in place of the one that was stopped. */
export function startController(options?: Parameters<typeof runController>[1]): void {
  controller = runController(t, options);
}

beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());
beforeEach(async () => {
  ns = await t.namespace();
  startController();
});
afterEach(() => controller.stop());
