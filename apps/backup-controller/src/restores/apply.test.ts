import type { KindContext } from '@redis-queue/controller';
import type { QueueRestoreReason } from '@redis-queue/api';
import { expect, it } from 'vitest';
import type { RunOf } from '../runs/runs.ts';
import { ago, NOW, restoreObject } from '../testing/objects.ts';
import { applyRestore, type RestoreTools } from './apply.ts';
import { reconcile } from './reconcile.fixture.ts';
import { RestoreTask, type RestoreStep } from './steps.ts';

/** The run that a step begins. */
async function begunBy(step: RestoreStep, spec: Parameters<typeof restoreObject>[0] = {}): Promise<RunOf | undefined> {
  let begun: RunOf | undefined;
  const runs = { begin: (runOf: RunOf) => (begun = runOf), stateOf: () => undefined };
  const context = { signal: new AbortController().signal, now: () => NOW } as KindContext<QueueRestoreReason>;
  const found = { observed: { stage: 'due' as const }, plan: { steps: [step] } };
  const restore = restoreObject(spec);
  await applyRestore(restore, found, context, { runs, sources: {} } as unknown as RestoreTools);
  return begun;
}

it.each([
  ['check', 'restore'],
  ['restore', 'restore'],
  ['resume', 'ending'],
  ['abandon', 'ending'],
  ['removeScratch', 'ending'],
] as const)('%s has a place of those for %s', async (kind, purpose) => {
  expect(await begunBy({ kind })).toMatchObject({ purpose });
});

it('a drill takes its turn with backups, since nobody waits for its queues', async () => {
  for (const kind of ['check', 'restore'] as const)
    expect(await begunBy({ kind }, { scratch: {} })).toMatchObject({ purpose: 'backup' });
});

const resumption = (phase: 'waiting' | 'running') => ({ task: RestoreTask.resumption, phase });

it('a resumption that waits for its place says so', () => {
  const status = { verifiedAt: ago(5), queues: [] };
  expect(reconcile(restoreObject({}, status), resumption('waiting')).ready).toBe('False WaitingForPlace');
  expect(reconcile(restoreObject({}, status), resumption('running')).ready).toBe('False Resuming');
});
