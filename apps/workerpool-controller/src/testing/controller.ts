import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { runController, testCluster, type RunningController, type TestCluster } from './cluster.ts';

/** What the tests of a file have; its fields are those of the test that runs. */
export interface ControllerRig {
  /** One for all tests of the file. */
  readonly cluster: TestCluster;
  /** One for each test. */
  readonly namespace: string;
  /** The controller that was started last. */
  readonly controller: RunningController;
  /** Starts another controller in place of the one that was stopped. */
  start(options?: Parameters<typeof runController>[1]): Promise<void>;
}

/**
 * Gives a test file a cluster, and each of its tests a namespace and a controller that runs. Call it once, outside
 * tests.
 */
export function controllerRig(): ControllerRig {
  let cluster: TestCluster | undefined;
  let namespace: string | undefined;
  let controller: RunningController | undefined;
  const rig: ControllerRig = {
    get cluster() {
      return present(cluster);
    },
    get namespace() {
      return present(namespace);
    },
    get controller() {
      return present(controller);
    },
    start: async (options) => {
      controller = await runController(rig.cluster, options);
    },
  };
  beforeAll(async () => {
    cluster = await testCluster();
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());
  beforeEach(async () => {
    namespace = await rig.cluster.namespace();
    await rig.start();
  });
  afterEach(() => rig.controller.stop());
  return rig;
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('a rig has nothing before its first test begins');
  return value;
}
