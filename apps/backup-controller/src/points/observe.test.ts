import type { RedisAccess } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import type { Sources } from '../access/sources.ts';
import type { BackupObject } from '../backups/steps.ts';
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

/** @param newest what the API server has, where that is not what the cache shows. */
async function observe(backup: BackupObject, newest = backup, readBy?: string) {
  const reads: string[] = [];
  const client = {
    get: ((_: unknown, { name }: { name: string }) => {
      reads.push(name);
      return Promise.resolve(newest);
    }) as never,
  };
  const known = { sources, runs: { stateOf: () => undefined }, removals: { stateOf: () => undefined } };
  const found = await observePoints(
    backup,
    { ...known, readers: { of: () => readBy } },
    { client, now: NOW, signal: new AbortController().signal },
  );
  return { ...found, reads };
}

describe('what an incremental backup finds out', () => {
  it('is what its next point needs, when that is due', async () => {
    const found = await observe(incremental([chain(1, 40)]));
    expect(found).toMatchObject({ stage: 'due', queues: [{ name: 'emails' }], storage: {}, reads: ['nightly'] });
    const resting = await observe(incremental([chain(1, 20)], { dueIn: 10 }));
    expect(resting).toMatchObject({ stage: 'resting', reads: [] });
    expect(resting.storage).toBeUndefined();
  });

  it('is nothing to do while the cache is behind: a point that another has noted must not be taken for a left one', async () => {
    const cached = incremental([chain(1, 40)]);
    const noted = incremental([chain(1, 10, { points: 4 })]);
    expect((await observe(cached, noted)).stage).toBe('outdated');
    expect((await observe(incremental(), noted)).stage).toBe('outdated');
    const renewed = { ...cached, metadata: { ...cached.metadata, uid: 'another' } };
    expect((await observe(cached, renewed)).stage).toBe('outdated');
  });

  it('names what stands in the way', async () => {
    const other = incremental([chain(1, 40)]);
    const backup = { ...other, spec: { ...other.spec, queues: { names: ['missing'] } } };
    expect(await observe(backup)).toMatchObject({ stage: 'due', problem: { reason: 'QueueNotFound' } });
  });

  it('is the chain that is to go, unless a restore reads the backup', async () => {
    const backup = incremental([chain(2, 20), chain(1, 90_000)], { dueIn: 10 });
    expect((await observe(backup)).expired).toBe(1);
    expect((await observe(backup, backup, 'back')).expired).toBeUndefined();
  });

  it('is whether a restore reads it, once it is being deleted', async () => {
    const backup = incremental([chain(2, 20)], { dueIn: 10 });
    const leaving = { ...backup, metadata: { ...backup.metadata, deletionTimestamp: ago(1) } };
    expect(await observe(leaving, leaving, 'back')).toMatchObject({ readBy: 'back' });
    expect((await observe(leaving)).readBy).toBeUndefined();
  });
});
