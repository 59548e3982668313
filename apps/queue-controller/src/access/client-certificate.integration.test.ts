import { readFileSync } from 'node:fs';
import { RedisConnections } from '@redis-queue/bullmq';
import {
  createAuthority,
  eventually,
  freePort,
  issueCertificate,
  startRedis,
  temporaryFolder,
  tlsArguments,
  type KeyPair,
} from '@redis-queue/rig';
import type { RunningController } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type StoredQueue, type TestCluster } from '../testing/cluster.ts';

// Queues whose Redis asks the controller for a certificate.

const folder = temporaryFolder('client-certificate');
const ADDRESS = 'subjectAltName=IP:127.0.0.1';
let t: TestCluster;
let controller: RunningController;
/** By the port without TLS. */
const plain = new RedisConnections();
beforeAll(async () => {
  t = await testCluster();
  controller = await runController(t);
});
afterAll(async () => {
  plain.close();
  await controller?.stop();
  await t?.[Symbol.asyncDispose]();
});

async function said(queue: StoredQueue): Promise<string> {
  const { status } = await t.read(queue);
  return status?.conditions?.find(({ type }) => type === 'Ready')?.message ?? '';
}

const text = (path: string): string => readFileSync(path, 'utf8');

it('is governed with the certificate of the Secret, and with a renewed one from then on, without a restart', async () => {
  const ca = await createAuthority(folder, 'ca', 'ca');
  const next = await createAuthority(folder, 'next', 'next');
  const server = await issueCertificate(folder, 'redis', 'redis', ca, ADDRESS);
  const secretOf = async (name: string, authority: KeyPair): Promise<Record<string, string>> => {
    const pair = await issueCertificate(folder, name, name, authority, 'extendedKeyUsage=clientAuth');
    return { 'ca.crt': text(ca.certificate), 'tls.crt': text(pair.certificate), 'tls.key': text(pair.key) };
  };
  const port = await freePort();
  await using redis = await startRedis({
    args: tlsArguments({ ca: ca.certificate, ...server, asksClients: true }, port),
  });
  const namespace = await t.rig.namespace('certified', { 'redis-url': `rediss://127.0.0.1:${port}` });
  const queue = await t.queue(namespace, 'certified', {
    globalConcurrency: 3,
    redis: { tls: { secretRef: { name: 'second' } } },
  });
  await t.settled(queue, 'SecretNotFound');
  expect(await said(queue)).toContain(`Secret ${namespace}/second does not exist`);
  await t.secret(namespace, await secretOf('first', ca), 'second');
  await t.settled(queue, 'Applied');

  // From now on Redis knows clients of another authority alone.
  const client = plain.get({ host: redis.host, port: redis.port });
  await client.config('SET', 'tls-ca-cert-file', next.certificate);
  await client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await t.settled(queue, 'RedisUnreachable');
  await eventually(async () => / Redis does not accept the client certificate/.test(await said(queue)));
  await t.secret(namespace, await secretOf('renewed', next), 'second');
  await t.settled(queue, 'Applied');
  await t.patch(queue, { spec: { globalConcurrency: 4 } });
  await eventually(async () => (await client.hget('bull:certified:meta', 'concurrency')) === '4');
});
