import { projectConfig } from '../vitest.shared.ts';

/** After all others and one at a time: each starts all apps, and judges sizes and times that a busy machine changes. */
export default projectConfig(import.meta.dirname, {
  integration: { maxWorkers: 1, sequence: { groupOrder: 1 } },
});
