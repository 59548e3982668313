import type { KindContext } from '@redis-queue/controller';
import type { QueueRestoreReason } from '@redis-queue/api';
import { expect, it } from 'vitest';
import type { RunOf } from '../runs/runs.ts';
import { NOW, restoreObject } from '../testing/objects.ts';
import { applyRestore, type RestoreTools } from './apply.ts';
import type { RestoreStep } from './steps.ts';

/** The run that a step begins. */
async function begunBy(step: RestoreStep): Promise<RunOf | undefined> {
  let begun: RunOf | undefined;
  const runs = { begin: (runOf: RunOf) => (begun = runOf), stateOf: () => undefined };
  const context = { signal: new AbortController().signal, now: () => NOW } as KindContext<QueueRestoreReason>;
  const found = { observed: { stage: 'due' as const }, plan: { steps: [step] } };
  const restore = restoreObject({ scratch: {} });
  await applyRestore(restore, found, context, { runs, sources: {} } as unknown as RestoreTools);
  return begun;
}

it.each([
  ['check', false],
  ['restore', false],
  ['resume', true],
  ['abandon', true],
  ['removeScratch', true],
] as const)('%s has a place among those that clean up: %s', async (kind, isCleanup) => {
  expect(await begunBy({ kind })).toMatchObject({ isCleanup });
});
