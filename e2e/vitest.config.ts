import { projectConfig } from '../vitest.shared.ts';

export default projectConfig(import.meta.dirname, { e2e: { globalSetup: ['src/cluster/global-setup.ts'] } });
