import { API_VERSION, type QueueBackup, type QueueRestore, type QueueSpec } from '@redis-queue/api';
import type { QueueObject } from '@redis-queue/redis-access';
import type { BackupObject } from '../backups/steps.ts';
import type { RestoreObject } from '../restores/steps.ts';

export const NOW = new Date('2026-03-04T05:06:07Z');
/** So many seconds before `NOW`, as the API server writes times. */
export const ago = (seconds: number): string =>
  new Date(NOW.getTime() - seconds * 1_000).toISOString().replace('.000', '');

const metadata = { namespace: 'shop', name: 'nightly', uid: '0123456789ab', generation: 1, resourceVersion: '7' };

/** A QueueBackup as the API server would give it, named shop/nightly. */
export function backupObject(
  spec: Partial<QueueBackup['spec']> = {},
  status?: QueueBackup['status'],
  more: Partial<QueueBackup['metadata']> = {},
): BackupObject {
  return {
    apiVersion: API_VERSION,
    kind: 'QueueBackup',
    metadata: { ...metadata, ...more },
    spec: {
      mode: 'Full',
      queues: { names: ['emails'] },
      storage: { volume: {} },
      deadLetters: true,
      backoffLimit: 6,
      deletionPolicy: 'Retain',
      ...spec,
    },
    ...(status && { status }),
  };
}

/** A QueueRestore from QueueBackup nightly, named shop/back. */
export function restoreObject(
  spec: Partial<QueueRestore['spec']> = {},
  status?: QueueRestore['status'],
): RestoreObject {
  return {
    apiVersion: API_VERSION,
    kind: 'QueueRestore',
    metadata: { ...metadata, name: 'back' },
    spec: {
      from: { backup: { name: 'nightly' } },
      deadLetters: true,
      openFlows: 'Refuse',
      dryRun: false,
      resume: true,
      backoffLimit: 6,
      ...spec,
    },
    ...(status && { status }),
  };
}

/** A Queue of the namespace shop. */
export function queueObject(name: string, spec: QueueSpec = {}, labels: Record<string, string> = {}): QueueObject {
  return { apiVersion: API_VERSION, kind: 'Queue', metadata: { namespace: 'shop', name, labels }, spec };
}
