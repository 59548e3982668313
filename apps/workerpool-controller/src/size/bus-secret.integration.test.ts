import { readFileSync } from 'node:fs';
import { findCondition } from '@redis-queue/controller';
import type { PoolObject } from '@redis-queue/redis-access';
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
import { createPublisher, SCHEMA_VERSION, type Publisher } from '@redis-queue/scaling-bus';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runController, testCluster, type TestCluster } from '../testing/cluster.ts';

let t: TestCluster;
beforeAll(async () => {
  t = await testCluster();
});
afterAll(() => t?.[Symbol.asyncDispose]());

/** Publishes until the pool has that size, as the autoscaler does. */
async function scaledBy(publisher: Publisher, pool: PoolObject, epoch: number, replicas: number): Promise<void> {
  const { namespace = '', name, uid = '', generation = 0 } = pool.metadata;
  let sequence = 0;
  const scaled = async (): Promise<boolean> => {
    const nowMs = await publisher.timeMs();
    await publisher.publish({
      schemaVersion: SCHEMA_VERSION,
      pool: { namespace, name, uid, generation },
      epoch,
      sequence: ++sequence,
      sampledAt: nowMs,
      expiresAt: nowMs + 15_000,
      currentReplicas: 0,
      desiredReplicas: replicas,
      reason: 'because the test says so',
      signals: [],
      confidence: 1,
    });
    return (await t.deployment(pool))?.spec.replicas === replicas;
  };
  await eventually(scaled, { timeoutMs: 30_000, intervalMs: 200, description: `${name} to have ${replicas}` });
}

function messageOf({ status }: PoolObject): string | undefined {
  return findCondition(status?.conditions, 'ScalingActive')?.message;
}

it('a Secret of the bus that comes after the controller, is broken, mended and changed is followed without a restart', async () => {
  const namespace = await t.namespace();
  // Confined to the tenant's namespace: the Secret lies in another one, that of the release.
  const release = await t.namespace();
  const bus = { secret: { namespace: release, name: 'redis-queue-bus' }, tls: false };
  const controller = await runController(t, { bus, namespaces: [namespace] });
  const configured = () => controller.sumOf(/^redis_queue_bus_configured /);
  const pool = await t.pool(namespace, 'late', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 10 } });
  await t.sized(pool, 1); // spec.replicas
  const { status } = await t.settled(pool, 'BusUnavailable', 'ScalingActive');
  expect(JSON.stringify(status?.conditions)).toContain('or workerpool-controller.bus.secretName where');
  expect(await configured()).toBe(0);

  await t.secret(release, { 'redis-url': t.server.url }, bus.secret.name);
  await scaledBy(t.publisher, pool, 1, 4);
  expect(await configured()).toBe(1);
  await t.settled(pool, 'Decided', 'ScalingActive');

  await t.secret(release, { 'redis-url': 'hunter2' }, bus.secret.name);
  await eventually(async () => (await configured()) === 0);
  expect(messageOf(await t.settled(pool, 'BusUnavailable', 'ScalingActive'))).toContain('redis-url is not of the form');
  await t.sized(pool, 4);
  const other = await startRedis();
  const publisher = createPublisher({ redis: { host: other.host, port: other.port } });
  await t.secret(release, { 'redis-url': other.url }, bus.secret.name);
  await scaledBy(publisher, pool, 2, 7);

  await publisher.close();
  await controller.stop();
  await other.stop();
  const lines = controller.lines.join('\n');
  expect(lines).toContain(`Secret ${release}/redis-queue-bus of the bus does not exist; create it`);
  expect(lines).toContain(`Secret ${release}/redis-queue-bus of the bus: redis-url is not of the form`);
  expect(lines).not.toContain('hunter2');
});

it('a bus that refuses or does not answer shows on its pools, once each, and so does that it is back', async () => {
  const namespace = await t.namespace();
  const own = await startRedis();
  const bus = { secret: { namespace, name: 'redis-queue-bus' }, tls: false };
  const secret = (login = '') =>
    t.secret(namespace, { 'redis-url': `redis://${login}${own.host}:${own.port}` }, bus.secret.name);
  await secret();
  const controller = await runController(t, { bus, namespaces: [namespace] });
  const connected = () => controller.sumOf(/^redis_queue_bus_connected /);
  const publisher = createPublisher({ redis: { host: own.host, port: own.port } });
  const pool = await t.pool(namespace, 'watched', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 10 } });
  await scaledBy(publisher, pool, 1, 4);
  await t.settled(pool, 'Decided', 'ScalingActive');
  expect(await connected()).toBe(1);

  await secret('bus:wrong@');
  expect(messageOf(await t.settled(pool, 'BusUnavailable', 'ScalingActive'))).toContain('refused the user or password');
  expect(await connected()).toBe(0);
  await secret();
  await t.settled(pool, 'Decided', 'ScalingActive');
  await own.kill9();
  expect(messageOf(await t.settled(pool, 'BusUnavailable', 'ScalingActive'))).toContain('cannot be reached');
  await t.sized(pool, 4);

  await publisher.close();
  await controller.stop();
  await own.stop();
  const warnings = controller.lines.filter((line) => line.includes('the bus cannot be used'));
  expect(warnings).toHaveLength(2);
  expect(controller.lines.join('\n')).not.toContain('wrong@');
});

it('a client certificate for the bus that comes late, is not accepted, mended and renewed is followed without a restart', async () => {
  const folder = temporaryFolder('bus-certificates');
  const ca = await createAuthority(folder, 'ca', 'ca');
  const other = await createAuthority(folder, 'other', 'other');
  const issue = (name: string, authority = ca) =>
    issueCertificate(folder, name, name, authority, 'subjectAltName=IP:127.0.0.1');
  const port = await freePort();
  const server = { ca: ca.certificate, ...(await issue('redis')), asksClients: true };
  await using own = await startRedis({ args: tlsArguments(server, port) });
  await using publisher = createPublisher({ redis: { host: own.host, port: own.port } });
  const namespace = await t.namespace();
  const [secret, certificates] = ['redis-queue-bus', 'bus-certs'].map((name) => ({ namespace, name }));
  const bus = { secret: secret!, certificates: certificates!, tls: true };
  await t.secret(namespace, { 'redis-host': own.host, 'redis-port': String(port) }, secret!.name);
  const show = async ({ certificate, key }: KeyPair): Promise<void> => {
    const [ofCa, cert, ofKey] = [ca.certificate, certificate, key].map((path) => readFileSync(path, 'utf8'));
    await t.secret(namespace, { 'ca.crt': ofCa!, 'tls.crt': cert!, 'tls.key': ofKey! }, certificates!.name);
  };
  const controller = await runController(t, { bus, namespaces: [namespace] });
  const pool = await t.pool(namespace, 'proven', { autoscaling: { enabled: true, minReplicas: 0, maxReplicas: 10 } });
  expect(messageOf(await t.settled(pool, 'BusUnavailable', 'ScalingActive'))).toContain(
    `${namespace}/bus-certs of certificates of the bus does not exist`,
  );

  await show(await issue('unknown', other));
  const refused = async (): Promise<boolean> =>
    /certificate/.test(messageOf(await t.settled(pool, 'BusUnavailable', 'ScalingActive')) ?? '');
  await eventually(refused, { timeoutMs: 30_000, description: 'the certificate to be refused' });
  await show(await issue('known'));
  await scaledBy(publisher, pool, 1, 4);
  await t.settled(pool, 'Decided', 'ScalingActive');
  await show(await issue('renewed'));
  await scaledBy(publisher, pool, 2, 7);
  await controller.stop();
  expect(controller.lines.join('\n')).not.toContain('PRIVATE KEY');
});
