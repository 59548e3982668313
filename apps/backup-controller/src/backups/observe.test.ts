import type { RedisAccess, QueueObject } from '@redis-queue/redis-access';
import { describe, expect, it } from 'vitest';
import type { Sources } from '../access/sources.ts';
import type { RunState } from '../runs/runs.ts';
import { backupObject, NOW, queueObject } from '../testing/objects.ts';
import { observeBackup } from './observe.ts';

const target = { host: 'redis', port: 6379 };
const queues = [
  queueObject('emails', { dlqPolicy: { enabled: true } }),
  queueObject('plain', { dlqPolicy: { enabled: false } }),
];
const read: string[] = [];
const sources: Sources = {
  queues: { get: ({ name }) => queues.find(({ metadata }) => metadata.name === name), list: () => queues },
  storage: { permittedSecrets: new Set(['backup-key']), volumeDirectory: '/backups', podIdentity: false },
  assertLeading: () => undefined,
  resolve: (queue: QueueObject): RedisAccess =>
    ({ ok: true, target, targetKey: queue.metadata.name, secret: {} }) as unknown as RedisAccess,
  secretsOf: (namespace) => (name) => {
    read.push(`${namespace}/${name}`);
    return Promise.resolve({});
  },
};
const observe = (backup = backupObject(), run?: RunState<never, never>) =>
  observeBackup(
    backup,
    sources,
    { runs: { stateOf: () => run }, readers: { of: () => 'back' } },
    { now: NOW, signal: new AbortController().signal },
  );

const names = async (deadLetters: boolean) =>
  (await observe(backupObject({ queues: { selector: {} }, deadLetters }))).selected?.queues.map(({ name, ref }) => [
    name,
    ref.name,
  ]);

describe('what a backup reads', () => {
  it('takes dead letters along where the policy is enabled, unless deadLetters is false', async () => {
    expect(await names(true)).toEqual([
      ['emails', 'emails'],
      ['emails_dlq', 'emails-dlq'],
      ['plain', 'plain'],
    ]);
    expect(await names(false)).toEqual([
      ['emails', 'emails'],
      ['plain', 'plain'],
    ]);
  });

  it('asks for restores that read it once it is complete and is to go', async () => {
    const ended = { completionTime: NOW.toISOString(), directory: 'nightly-01234567/1' };
    const over = backupObject({ ttlSecondsAfterFinished: 0 }, ended);
    expect((await observe(over)).readBy).toBe('back');
    expect((await observe(backupObject({}, ended))).readBy).toBeUndefined();
    const leaving = { deletionTimestamp: NOW.toISOString() };
    expect(await observe(backupObject({}, ended, leaving))).toEqual({ stage: 'ended', readBy: 'back' });
    expect((await observe(backupObject({}, {}, leaving))).readBy).toBeUndefined();
  });

  it('reads a Secret only when a run is to begin', async () => {
    const encrypted = backupObject({ encryption: { secretRef: { name: 'backup-key' } } });
    await observe(encrypted, { task: 'backup', phase: 'running' });
    await observe({ ...encrypted, status: { completionTime: NOW.toISOString() } });
    expect(read).toEqual([]);
    expect(await observe(encrypted)).toMatchObject({ problem: { reason: 'EncryptionKeyInvalid' } });
    expect(read).toEqual(['shop/backup-key']);
  });
});
