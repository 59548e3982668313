import type { RedisAccess } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import type { Sources } from '../access/sources.ts';
import type { BackupObject } from '../backups/steps.ts';
import { NO_RUNS } from '../runs/runs.ts';
import { ago, NOW, queueObject } from '../testing/objects.ts';
import { observePoints } from './observe.ts';
import { chain, incremental } from './testing.fixture.ts';

const queues = [queueObject('emails')];
const sources: Sources = {
  queues: { get: ({ name }) => queues.find(({ metadata }) => metadata.name === name), list: () => queues },
  storage: { permittedSecrets: new Set(), volumeDirectory: '/backups', podIdentity: false },
  assertLeading: () => undefined,
  resolve: () =>
    ({ ok: true, target: { host: 'redis', port: 6379 }, targetKey: '', secret: {} }) as unknown as RedisAccess,
  secretsOf: () => () => Promise.resolve({}),
};

function observe(backup: BackupObject, readBy?: string) {
  const known = { sources, runs: NO_RUNS, removals: NO_RUNS, readers: { of: () => readBy } };
  return observePoints(backup, known, { now: NOW, signal: new AbortController().signal });
}

describe('what an incremental backup finds out', () => {
  it('is what its next point needs, when that is due', async () => {
    const found = await observe(incremental([chain(1, 40)]));
    expect(found).toMatchObject({ stage: 'due', selected: { queues: [{ name: 'emails' }] }, storage: {} });
    const resting = await observe(incremental([chain(1, 20)], { dueIn: 10 }));
    expect(resting.stage).toBe('resting');
    expect(resting.storage).toBeUndefined();
  });

  it('names what stands in the way', async () => {
    const other = incremental([chain(1, 40)]);
    const backup = { ...other, spec: { ...other.spec, queues: { names: ['missing'] } } };
    expect(await observe(backup)).toMatchObject({ stage: 'due', problem: { reason: 'QueueNotFound' } });
  });

  it('is the chain that is to go, unless a restore reads the backup', async () => {
    const backup = incremental([chain(2, 20), chain(1, 90_000)], { dueIn: 10 });
    expect((await observe(backup)).expired).toBe(1);
    expect((await observe(backup, 'back')).expired).toBeUndefined();
  });

  it('is whether a restore reads it, once it is being deleted', async () => {
    const backup = incremental([chain(2, 20)], { dueIn: 10 });
    const leaving = { ...backup, metadata: { ...backup.metadata, deletionTimestamp: ago(1) } };
    expect(await observe(leaving, 'back')).toMatchObject({ readBy: 'back' });
    expect((await observe(leaving)).readBy).toBeUndefined();
  });
});
