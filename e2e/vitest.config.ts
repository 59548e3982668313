import { projectConfig } from '../vitest.shared.ts';

/** Need pods whose processes run on this machine, which those of a cluster of the user's do not. */
const ON_THIS_MACHINE = process.env['KUBE_CONTEXT'] ? ['src/conformance.e2e.test.ts'] : [];

export default projectConfig(import.meta.dirname, {
  e2e: { globalSetup: ['src/cluster/global-setup.ts'], exclude: ON_THIS_MACHINE },
});
