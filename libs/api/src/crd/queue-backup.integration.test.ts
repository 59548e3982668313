import { startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { QueueBackup } from '../kinds/queue-backup.ts';
import type { QueueRestore } from '../kinds/queue-restore.ts';
import { backupDraft, Kubectl, restoreDraft } from './test-support.ts';

let controlPlane: ControlPlane;
let kubectl: Kubectl;

beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true });
  kubectl = new Kubectl(controlPlane, await controlPlane.createNamespace('backups'));
});
afterAll(() => controlPlane?.stop());

const s3 = { bucket: 'shop-backups', secretRef: { name: 'backup-storage' } };
const inS3 = (more: object): Record<string, unknown> => ({ storage: { s3: { ...s3, ...more } } });
const points = (incremental: object): Record<string, unknown> => ({ mode: 'Incremental', incremental });
const selected = (selector: object): Record<string, unknown> => ({ queues: { selector } });

describe.concurrent('the API server accepts a QueueBackup', () => {
  test.each([
    ['of named Queues on a volume', {}],
    ['of every Queue', selected({})],
    [
      'by labels',
      selected({ matchLabels: { team: 'crm' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }),
    ],
    [
      'in S3',
      inS3({ prefix: 'a/b', region: 'eu-central-1', endpoint: 'https://minio.example:9000', forcePathStyle: true }),
    ],
    [
      'in S3, encrypted and locked there',
      inS3({
        serverSideEncryption: { algorithm: 'aws:kms', kmsKeyId: 'k' },
        objectLock: { mode: 'Governance', days: 1 },
      }),
    ],
    ['at an address', inS3({ endpoint: 'http://[fd00::1]:9000' })],
    ['in a folder of the volume', { storage: { volume: { path: 'nightly/emails' } } }],
    ['with a key', { encryption: { secretRef: { name: 'backup-key', key: 'next' } } }],
    ['with a key in AWS KMS', { encryption: { kms: { keyId: 'alias/backups', region: 'eu-central-1' } } }],
    [
      'with every bound at the least',
      { jobsPerSecond: 1, activeDeadlineSeconds: 1, backoffLimit: 0, ttlSecondsAfterFinished: 0 },
    ],
    ['that goes with its files', { deletionPolicy: 'Delete', deadLetters: false }],
    ['that goes on, by the defaults', { mode: 'Incremental' }],
    ['that goes on, at the least', points({ every: '10s', fullEvery: '10m', keep: '1h' })],
    ['that goes on, at the most', points({ every: '60m', fullEvery: '7d', keep: '30d' })],
  ])('%s', async (_, spec) => {
    await expect(kubectl.check(backupDraft(spec))).resolves.toContain('nightly serverside-applied');
  });
});

describe.concurrent('the API server refuses a QueueBackup and says why:', () => {
  test.each([
    ['no Queues', { queues: {} }, 'either by names or by a selector'],
    ['Queues in two ways', { queues: { names: ['a'], selector: {} } }, 'either by names or by a selector'],
    ['a Queue twice', { queues: { names: ['a', 'a'] } }, 'duplicate entries'],
    [
      'too many Queues',
      { queues: { names: Array.from({ length: 101 }, (__, n) => `q${n}`) } },
      'spec.queues.names: Too many',
    ],
    [
      'an operator that there is not',
      selected({ matchExpressions: [{ key: 'a', operator: 'Like' }] }),
      'Unsupported value',
    ],
    ['no storage', { storage: {} }, 'either s3 or volume'],
    ['two storages', { storage: { s3, volume: {} } }, 'either s3 or volume'],
    ['a bucket that none can have', inS3({ bucket: 'Shop' }), 'spec.storage.s3.bucket'],
    ['a prefix that leaves its place', inS3({ prefix: 'a/../b' }), 'spec.storage.s3.prefix'],
    ['a prefix from the root', inS3({ prefix: '/a' }), 'spec.storage.s3.prefix'],
    ['a path that leaves its place', { storage: { volume: { path: '../other' } } }, 'spec.storage.volume.path'],
    ['credentials in an address', inS3({ endpoint: 'https://id:key@minio.example' }), 'spec.storage.s3.endpoint'],
    ['an address of files', inS3({ endpoint: 'file:///etc' }), 'spec.storage.s3.endpoint'],
    [
      'a key that is not used',
      inS3({ serverSideEncryption: { algorithm: 'AES256', kmsKeyId: 'k' } }),
      'kmsKeyId is for',
    ],
    ['no key', { encryption: {} }, 'either in a Secret or in kms'],
    ['two keys', { encryption: { secretRef: { name: 'a' }, kms: { keyId: 'b' } } }, 'either in a Secret or in kms'],
    ['a rate of 0', { jobsPerSecond: 0 }, 'spec.jobsPerSecond'],
    ['points of one that runs once', { incremental: { every: '10s' } }, 'set mode, or remove incremental'],
    ['points too often', points({ every: '9s' }), 'every has to be from 10s to 1h'],
    ['points in days', points({ every: '1d' }), 'spec.incremental.every'],
    ['chains too long', points({ every: '10s', fullEvery: '3h' }), 'more than 1000 points'],
    ['chains too often', points({ fullEvery: '9m' }), 'fullEvery has to be from 10m to 7d'],
    ['too many chains', points({ fullEvery: '10m' }), 'more than 100 chains'],
    ['chains that stay too long', points({ keep: '31d' }), 'keep has to be from 1h to 30d'],
    ['an end of one that has none', { mode: 'Incremental', activeDeadlineSeconds: 9 }, 'goes on until it is deleted'],
    ['a time to live of one that never ends', { mode: 'Incremental', ttlSecondsAfterFinished: 9 }, 'goes on until'],
    ['an end of tries of one that goes on', { mode: 'Incremental', backoffLimit: 3 }, 'remove backoffLimit'],
    ['a misspelt field', inS3({ buckets: 'x' }), 'field not declared in schema'],
  ])('%s', async (_, spec, message) => {
    await expect(kubectl.check(backupDraft(spec))).rejects.toThrow(message);
  });
});

describe.concurrent('the API server takes or refuses a QueueRestore:', () => {
  const storage = { volume: {} };
  test.each([
    ['from a backup', {}],
    ['from a point of one', { from: { backup: { name: 'a', at: '2026-11-29T09:15:00Z' } } }],
    [
      'from a storage',
      { from: { storage, directory: 'nightly-01234567/a', encryption: { secretRef: { name: 'key' } } } },
    ],
    ['of some queues', { queues: [{ name: 'emails', to: { queue: 'other' } }, { name: 'mails_dlq' }] }],
    ['that is a drill', { queues: [{ name: 'emails' }], scratch: {} }],
    [
      'that is a drill elsewhere',
      { scratch: { prefix: 'team-a:b', secretRef: { name: 'redis-scratch' }, maxBytes: '2Gi' } },
    ],
    ['that only reads', { dryRun: true, openFlows: 'Detach', resume: false, jobsPerSecond: 1 }],
  ])('%s it takes', async (_, spec) => {
    await expect(kubectl.check(restoreDraft(spec))).resolves.toContain('back serverside-applied');
  });

  test.each([
    ['from a time that is none', { from: { backup: { name: 'a', at: 'yesterday' } } }, 'spec.from.backup.at'],
    ['from nowhere', { from: {} }, 'either from a backup or from a storage'],
    ['from two places', { from: { backup: { name: 'a' }, storage, directory: 'a' } }, 'either from a backup or'],
    ['from a storage at no place', { from: { storage } }, 'storage and directory say together'],
    [
      'from a folder of nothing',
      { from: { backup: { name: 'a' }, directory: 'b' } },
      'storage and directory say together',
    ],
    ['from outside', { from: { storage, directory: '../other/a' } }, 'spec.from.directory'],
    [
      'with another key',
      { from: { backup: { name: 'a' }, encryption: { secretRef: { name: 'b' } } } },
      'remove encryption',
    ],
    ['of a queue twice', { queues: [{ name: 'a' }, { name: 'a', to: { queue: 'b' } }] }, 'duplicate entries'],
    ['of no queue', { queues: [] }, 'spec.queues'],
    ['that is a drill of nothing', { scratch: {}, dryRun: true }, 'needs no scratch'],
    ['that is a drill for later', { scratch: {}, resume: false }, 'never resumed'],
    [
      'that is a drill into a Queue',
      { scratch: {}, queues: [{ name: 'a', to: { queue: 'b' } }] },
      'writes into no Queue',
    ],
    ['that is a drill on the bus', { scratch: { prefix: 'redis-queue' } }, 'is the prefix of the bus'],
    ['that is a drill among drills', { scratch: { prefix: 'a:rq-scratch-b' } }, 'is for scratch restores'],
  ])('%s it refuses', async (_, spec, message) => {
    await expect(kubectl.check(restoreDraft(spec))).rejects.toThrow(message);
  });
});

describe('what a backup or restore is about stays the same for its life:', () => {
  const spec = { jobsPerSecond: 5 };
  beforeAll(async () => {
    await kubectl.apply(backupDraft(spec, 'fixed'));
    await kubectl.apply(restoreDraft(spec, 'fixed'));
  });

  test.each([
    ['deletionPolicy', backupDraft({ ...spec, deletionPolicy: 'Delete' }, 'fixed')],
    ['how long it stays', backupDraft({ ...spec, ttlSecondsAfterFinished: 60 }, 'fixed')],
    ['writing down a default', backupDraft({ ...spec, mode: 'Full', deadLetters: true, backoffLimit: 6 }, 'fixed')],
    ['resume', restoreDraft({ ...spec, resume: false }, 'fixed')],
    ['how long it stays', restoreDraft({ ...spec, ttlSecondsAfterFinished: 60 }, 'fixed')],
  ])('%s may change', async (_, draft) => {
    await expect(kubectl.check(draft)).resolves.toContain('serverside-applied');
  });

  const encryption = { secretRef: { name: 'key' } };
  test.each([
    ['mode', backupDraft({ ...spec, mode: 'Incremental' }, 'fixed')],
    ['queues', backupDraft({ ...spec, ...selected({}) }, 'fixed')],
    ['storage', backupDraft({ ...spec, storage: { volume: { path: 'a' } } }, 'fixed')],
    ['encryption', backupDraft({ ...spec, encryption }, 'fixed')],
    ['jobsPerSecond', backupDraft({}, 'fixed')],
    ['deadLetters', backupDraft({ ...spec, deadLetters: false }, 'fixed')],
    ['activeDeadlineSeconds', backupDraft({ ...spec, activeDeadlineSeconds: 9 }, 'fixed')],
    ['backoffLimit', backupDraft({ ...spec, backoffLimit: 9 }, 'fixed')],
    ['from', restoreDraft({ ...spec, from: { backup: { name: 'other' } } }, 'fixed')],
    ['queues', restoreDraft({ ...spec, queues: [{ name: 'a' }] }, 'fixed')],
    ['openFlows', restoreDraft({ ...spec, openFlows: 'Detach' }, 'fixed')],
    ['dryRun', restoreDraft({ ...spec, dryRun: true }, 'fixed')],
    ['scratch', restoreDraft({ ...spec, scratch: {} }, 'fixed')],
  ])('%s may not', async (field, draft) => {
    await expect(kubectl.check(draft)).rejects.toThrow(`spec.${field} is immutable; create another ${draft.kind}`);
  });
});

test('kubectl get shows what they are at, and kubectl wait their end', async () => {
  await kubectl.apply(backupDraft({}, 'shown'));
  const { spec } = await kubectl.get<QueueBackup>('rqb', 'shown');
  const defaults = { mode: 'Full', deadLetters: true, backoffLimit: 6, deletionPolicy: 'Retain' };
  expect(spec).toEqual({ queues: { names: ['emails'] }, storage: { volume: {} }, ...defaults });
  expect(await kubectl.table('rqb', 'shown')).toEqual([
    'NAME PHASE STATE JOBS STORED COMPLETED LAST-POINT',
    'shown Pending',
  ]);
  const said = { status: 'True', reason: 'BackedUp', message: '3 jobs', lastTransitionTime: '2026-03-01T18:00:00Z' };
  const conditions = ['Ready', 'Complete'].map((type) => ({ type, ...said }));
  await kubectl.writeStatus('queuebackup', 'shown', { conditions, phase: 'Completed', jobs: 3, storedBytes: 400 });
  expect(await kubectl.table('rqb', 'shown')).toEqual([
    'NAME PHASE STATE JOBS STORED COMPLETED LAST-POINT',
    'shown Completed BackedUp 3 400',
  ]);
  await kubectl.apply(backupDraft({ mode: 'Incremental', incremental: {} }, 'on'));
  const times = { every: '30s', fullEvery: '2h', keep: '24h' };
  expect((await kubectl.get<QueueBackup>('rqb', 'on')).spec.incremental).toEqual(times);
  await kubectl.apply(backupDraft({ mode: 'Incremental', incremental: { every: '1m' } }, 'on'));
  await expect(kubectl.run('wait', '--for=condition=Complete', 'queuebackup/shown', '--timeout=5s')).resolves.toContain(
    'condition met',
  );

  await kubectl.apply(restoreDraft({}, 'shown'));
  const restore = await kubectl.get<QueueRestore>('rqrs', 'shown');
  const byDefault = { openFlows: 'Refuse', deadLetters: true, dryRun: false, resume: true, backoffLimit: 6 };
  expect(restore.spec).toEqual({ from: { backup: { name: 'nightly' } }, ...byDefault });
  expect(await kubectl.table('rqrs', 'shown')).toEqual(['NAME PHASE STATE JOBS RESUMED', 'shown Pending']);
});
