import { describe, expect, it } from 'vitest';
import { QUEUE_BACKUPS } from '@redis-queue/api';
import type { BackupObject } from '../backups/steps.ts';
import { backupObject } from '../testing/objects.ts';
import { PostponedError } from './failure.ts';
import { lookAgain, ofRun } from './look-again.ts';
import { OutdatedError } from './outdated-error.ts';

const backup = backupObject();
const MISSING = { reason: 'QueueNotFound', message: 'there is none' };

/** What a run of `backup` finds that is to do the step `begin`. */
function look(
  now: BackupObject | undefined,
  { steps = ['begin'], problem }: { steps?: string[]; problem?: typeof MISSING } = {},
) {
  return lookAgain(ofRun(backup), 'begin', new AbortController().signal, {
    client: { get: (() => Promise.resolve(now)) as never },
    type: QUEUE_BACKUPS,
    observe: () => Promise.resolve(problem ? { problem } : {}),
    plan: () => ({ steps: steps.map((kind) => ({ kind })) }),
  });
}

describe('a run that has its place', () => {
  it('goes on with the object as it is now, where that needs it still', async () => {
    const newer = backupObject({ jobsPerSecond: 5 });
    expect((await look(newer)).object).toBe(newer);
  });

  it.each<[string, Parameters<typeof look>]>([
    ['is gone', [undefined]],
    ['is another one of its name', [backupObject({}, undefined, { uid: 'another' })]],
    ['needs it no more', [backup, { steps: [] }]],
    ['has to be held first', [backup, { steps: ['addFinalizer', 'begin'] }]],
  ])('does nothing of an object that %s', async (_, args) => {
    await expect(look(...args)).rejects.toThrow(OutdatedError);
  });

  it('is postponed by what stands in its way by now, unless its step deals with that', async () => {
    await expect(look(backup, { steps: [], problem: MISSING })).rejects.toThrow(PostponedError);
    expect((await look(backup, { problem: MISSING })).observed).toEqual({ problem: MISSING });
  });
});
