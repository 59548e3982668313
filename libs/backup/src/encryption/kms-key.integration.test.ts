import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startKmsServer, startSilentServer, type KmsServer } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { collect } from '../backup/collect.fixture.ts';
import { MemoryStorage } from '../backup/memory-storage.fixture.ts';
import { openBackup } from '../backup/open-backup.ts';
import { SAMPLE_QUEUES, SIGNAL, writeSample } from '../backup/sample-backup.fixture.ts';
import type { KeyWrapper } from './key-wrapper.ts';
import type { KmsSpec } from './kms-client.ts';
import { kmsKey } from './kms-key.ts';

let server: KmsServer;
beforeAll(async () => {
  server = await startKmsServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function key(spec: Partial<KmsSpec> = {}, timeoutMs = 10_000, namespace = 'shop'): Promise<KeyWrapper> {
  const { endpoint, region, keyIds, credentials } = server;
  return kmsKey({ keyId: keyIds[0]!, endpoint, region, ...spec }, { credentials, timeoutMs, namespace });
}

describe('a key in AWS KMS', () => {
  it.each(['keyIds', 'alias'] as const)('opens the backup that it has encrypted (%s)', async (name) => {
    const keyId = [server[name]].flat()[0]!;
    const storage = new MemoryStorage();
    const { manifest } = await writeSample(storage, 'monday', { key: await key({ keyId }) });
    expect(manifest.encryption).toMatchObject({ keyId: `kms:${keyId}` });
    const backup = await openBackup(storage, 'monday', { key: await key({ keyId }), signal: SIGNAL });
    expect((await collect(backup.records('emails'))).flatMap(({ records }) => records)).toEqual(SAMPLE_QUEUES.emails);
  });

  // Wall 1: with the identity of the pod all namespaces use one key, and a file can be copied.
  it('does not open the data key of another namespace, whatever the files say', async () => {
    const wrapped = await (await key()).wrap(randomBytes(32), { backupId: 'monday', namespace: 'other' });
    const other = await key({}, 10_000, 'other');
    await expect(other.unwrap(wrapped, { backupId: 'monday' }, other.id)).rejects.toMatchObject({
      reason: 'KeyRefused',
    });
    const own = await key();
    expect(await own.unwrap(wrapped, { backupId: 'monday' }, own.id)).toHaveLength(32);
  });

  it('does not open the data key of another backup, nor one that was changed', async () => {
    const wrapper = await key();
    const wrapped = await wrapper.wrap(randomBytes(32), { backupId: 'monday' });
    const other = wrapper.unwrap(wrapped, { backupId: 'tuesday' }, wrapper.id);
    await expect(other).rejects.toMatchObject({ reason: 'KeyRefused' });
    const changed = Buffer.from(wrapped);
    changed[changed.length - 1]! ^= 1;
    const refused = wrapper.unwrap(changed, { backupId: 'monday' }, wrapper.id);
    await expect(refused).rejects.toMatchObject({ reason: 'KeyRefused' });
  });

  it('is named when it is not the one that is needed, or does not exist', async () => {
    const wrapper = await key();
    const wrapped = await wrapper.wrap(randomBytes(32), { backupId: 'monday' });
    const other = await key({ keyId: server.keyIds[1]! });
    await expect(other.unwrap(wrapped, { backupId: 'monday' }, wrapper.id)).rejects.toMatchObject({
      reason: 'KeyUnknown',
      message: expect.stringContaining(wrapper.id) as string,
    });
    const absent = await key({ keyId: '00000000-0000-4000-8000-000000000000' });
    await expect(absent.wrap(randomBytes(32), {})).rejects.toMatchObject({ reason: 'KeyDenied' });
  });

  it('is waited for no longer than the deadline when the service does not answer', async () => {
    const silent = await startSilentServer();
    const hanging = await key({ endpoint: `http://127.0.0.1:${silent.port}` }, 300);
    const error = hanging.wrap(randomBytes(32), {});
    await expect(error).rejects.toMatchObject({ reason: 'KeyServiceFailed' });
    await expect(error).rejects.toThrow('no answer after 0.3 s');
    await silent[Symbol.asyncDispose]();
  });

  it('is not waited for when the service answers without an end', async () => {
    const endless = createServer((_, answer) => {
      const write = (): void => {
        while (answer.write(Buffer.alloc(64 * 1024, ' '))) continue;
      };
      answer.on('drain', write).on('error', () => undefined);
      write();
    });
    await once(endless.listen(0, '127.0.0.1'), 'listening');
    const { port } = endless.address() as AddressInfo;
    const wrapper = await key({ endpoint: `http://127.0.0.1:${port}` });
    const error = wrapper.wrap(randomBytes(32), {});
    await expect(error).rejects.toMatchObject({ reason: 'KeyServiceFailed' });
    await expect(error).rejects.toThrow('the answer is longer than 64 KiB');
    endless.closeAllConnections();
    endless.close();
  });

  it('is asked for at no address of a node, and not without credentials', async () => {
    await expect(key({ endpoint: 'http://169.254.169.254' })).rejects.toThrow('169.254.169.254');
    await expect(kmsKey({ keyId: 'a' }, { credentials: {}, namespace: 'shop' })).rejects.toMatchObject({
      reason: 'KeyDenied',
    });
  });
});
