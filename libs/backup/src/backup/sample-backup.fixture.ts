import { createHash } from 'node:crypto';
import { secretKeys } from '../encryption/secret-keys.ts';
import type { KeyWrapper } from '../encryption/key-wrapper.ts';
import type { JsonRecord } from '../parts/lines.ts';
import { BackupWriter, type FinishedBackup } from './backup-writer.ts';
import type { MemoryStorage } from './memory-storage.fixture.ts';

export const SIGNAL = new AbortController().signal;

/** A key of tests, one for each name. */
export function keyText(name: string): string {
  return createHash('sha256').update(name).digest('base64');
}

/** With further names: a key that was rotated, of which the former ones still open. */
export function keyNamed(...names: readonly string[]): KeyWrapper {
  return secretKeys(names.map(keyText).join('\n'));
}

/** Jobs that compress like those of people. */
export function jobs(queue: string, count: number): JsonRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    kind: 'job',
    id: `${queue}-${index}`,
    hash: { name: 'send', data: JSON.stringify({ to: createHash('md5').update(`${queue}${index}`).digest('hex') }) },
  }));
}

export const SAMPLE_QUEUES = { emails: jobs('emails', 60), orders: jobs('orders', 30) };

/** A backup of two queues with some parts each. */
export async function writeSample(
  storage: MemoryStorage,
  directory: string,
  {
    key,
    backupId = directory,
    queues = SAMPLE_QUEUES,
  }: { key?: KeyWrapper; backupId?: string; queues?: Record<string, JsonRecord[]> },
): Promise<FinishedBackup> {
  const writer = await BackupWriter.create(storage, {
    directory,
    backupId,
    ...(key && { key }),
    createdAt: new Date('2026-11-29T10:00:00Z'),
    about: { namespace: 'shop' },
    signal: SIGNAL,
    partBytes: 2_048,
  });
  for (const [name, records] of Object.entries(queues)) {
    const queue = writer.queue(name);
    await queue.write(records);
    await queue.close({ snapshotAt: 1_764_410_400_000 });
  }
  return writer.finish();
}
