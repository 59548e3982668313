import type { RedisAccess } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import type { BackupObject } from '../backups/steps.ts';
import { chain, incremental } from '../points/testing.fixture.ts';
import { ago, backupObject, NOW, queueObject, restoreObject } from '../testing/objects.ts';
import { observeRestore } from './observe.ts';
import type { RestoreObject } from './steps.ts';

const queues = [queueObject('emails')];
const HOUR = 3_600;
const ACCESS = {
  ok: true,
  target: { host: 'redis', port: 6379 },
  targetKey: '',
  secret: {},
} as unknown as RedisAccess;

function observe(backup: BackupObject, restore: RestoreObject) {
  const sources = {
    queues: {
      get: ({ name }: { name: string }) => queues.find(({ metadata }) => metadata.name === name),
      list: () => queues,
    },
    backups: { get: () => backup },
    storage: { permittedSecrets: new Set<string>(), volumeDirectory: '/backups', podIdentity: false },
    assertLeading: () => undefined,
    resolve: () => ACCESS,
    resolveSecret: () => ACCESS,
    secretsOf: () => () => Promise.resolve({}),
  };
  return observeRestore(
    restore,
    sources,
    { stateOf: () => undefined },
    { now: NOW, signal: new AbortController().signal },
  );
}
const from = (at?: string) => restoreObject({ from: { backup: { name: 'nightly', ...(at !== undefined && { at }) } } });

describe('where a restore reads', () => {
  const backup = incremental([chain(3, 10), chain(2, HOUR)]);

  it('is the newest point of an incremental backup, or that of the chain in which a time lies', async () => {
    const newest = { directory: chain(3, 10).directory, manifestSha256: 'sha-3' };
    expect((await observe(backup, from())).backup).toMatchObject(newest);
    expect((await observe(backup, from())).backup?.atMs).toBeUndefined();
    const at = ago(20);
    const before = { directory: chain(2, HOUR).directory, manifestSha256: 'sha-2' };
    expect((await observe(backup, from(at))).backup).toMatchObject({
      ...newest,
      atMs: Date.parse(at),
      // Its first point may have a queue that was read later.
      older: before,
    });
    const older = { directory: chain(2, HOUR).directory, manifestSha256: 'sha-2' };
    expect((await observe(backup, from(ago(HOUR - 60)))).backup).toMatchObject(older);
  });

  it('stays the point that was checked, whichever were taken since', async () => {
    const status = { checkedAt: ago(5), directory: 'nightly/c00002/000001-a', manifestSha256: 'sha', queues: [] };
    const { backup: place } = await observe(backup, { ...from(ago(20)), status });
    expect(place).toMatchObject({ directory: status.directory, manifestSha256: 'sha' });
    expect(place?.atMs).toBeUndefined();
  });

  it('is a backup that is being deleted only while that waits for restores', async () => {
    const metadata = { ...backup.metadata, deletionTimestamp: ago(1) };
    expect((await observe({ ...backup, metadata }, from())).problem?.reason).toBe('BackupNotFound');
    const ready = { type: 'Ready', status: 'False' as const, reason: 'ReadByRestore', message: '' };
    const status = { ...backup.status, conditions: [{ ...ready, lastTransitionTime: ago(1) }] };
    const { backup: place, problem } = await observe({ ...backup, metadata, status }, from());
    expect(problem).toBeUndefined();
    expect(place).toMatchObject({ directory: chain(3, 10).directory });
  });

  it('is nowhere before the first point, and the message has those that there are', async () => {
    expect((await observe(incremental(), from())).problem?.reason).toBe('BackupNotComplete');
    const { problem } = await observe(backup, from(ago(2 * HOUR)));
    expect(problem?.reason).toBe('PointNotFound');
    expect(problem?.message).toContain(`has points of ${ago(70)} to ${ago(10)}, ${ago(HOUR + 60)} to ${ago(HOUR)};`);
  });

  it('is a full backup, unless that is later than the time', async () => {
    const jobs = { waiting: 0, active: 0, delayed: 0, prioritized: 0, waitingChildren: 0, completed: 0, failed: 0 };
    const queue = { name: 'emails', snapshotAt: ago(60), consistent: true, jobs, bytes: 0, storedBytes: 0, sha256: '' };
    const status = { phase: 'Completed' as const, completionTime: ago(50), queues: [queue], directory: 'a' };
    const full = backupObject({}, status);
    expect((await observe(full, from())).backup?.directory).toBe('a');
    expect((await observe(full, from(ago(60)))).backup).toEqual({ directory: 'a', storage: expect.anything() });
    expect((await observe(full, from(ago(61)))).problem?.message).toContain(`it is of ${ago(60)}`);
    // Of the queues that are restored the one that was read last says of which time it is.
    const two = backupObject({}, { ...status, queues: [queue, { ...queue, name: 'slow', snapshotAt: ago(40) }] });
    const both = from(ago(50));
    expect((await observe(two, both)).problem?.message).toContain(`it is of ${ago(40)}`);
    const one = { ...both, spec: { ...both.spec, queues: [{ name: 'emails' }] } };
    expect((await observe(two, one)).backup).toMatchObject({ directory: 'a' });
  });
});
