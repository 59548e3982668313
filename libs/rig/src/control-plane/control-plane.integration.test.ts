import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../waiting/eventually.ts';
import { temporaryFolder } from '../processes/process.ts';
import { createAuthority, issueCertificate } from './certificates.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';

let controlPlane: ControlPlane;
beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true });
});
afterAll(() => controlPlane.stop());

const deployment = (namespace: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
});

it('turns a Deployment into Pods and ends them with it', async () => {
  const namespace = await controlPlane.createNamespace('pods');
  await controlPlane.apply(deployment(namespace));
  const pods = () => controlPlane.kubectl('get', 'pods', '-n', namespace, '-o', 'name');
  await eventually(async () => (await pods()).trim().split('\n').length === 2);
  await controlPlane.kubectl('delete', 'deployment', 'web', '-n', namespace);
  await eventually(async () => (await pods()) === '', { description: 'no pod' });
  expect(await pods()).toBe('');
});

it("serves the project's kinds", async () => {
  const kinds = await controlPlane.kubectl('api-resources', '--api-group=redis-queue.io', '-o', 'name');
  expect(kinds.trim().split('\n')).toEqual(
    expect.arrayContaining(['queues.redis-queue.io', 'workerpools.redis-queue.io']),
  );
});

it('keeps its objects over a restart of the API server', async () => {
  const namespace = await controlPlane.createNamespace('kept');
  await controlPlane.stopApiServer();
  await expect(controlPlane.kubectl('get', 'namespace', namespace, '--request-timeout=2s')).rejects.toThrow('refused');
  await controlPlane.startApiServer();
  expect(await controlPlane.kubectl('get', 'namespace', namespace, '-o', 'name')).toBe(`namespace/${namespace}\n`);
});

it('runs beside another one', async () => {
  await using other = await startControlPlane();
  expect(other.server).not.toBe(controlPlane.server);
  const namespace = await other.createNamespace('only-there');
  await expect(controlPlane.kubectl('get', 'namespace', namespace)).rejects.toThrow('not found');
});

it('gives a ServiceAccount a token that RBAC judges', async () => {
  const namespace = await controlPlane.createNamespace('rights');
  const token = (await controlPlane.kubectl('create', 'token', 'default', '-n', namespace)).trim();
  const asServiceAccount = controlPlane.kubectl('auth', 'whoami', `--token=${token}`, '-o', 'json');
  expect(await asServiceAccount).toContain(`system:serviceaccount:${namespace}:default`);
  const listing = controlPlane.kubectl(
    'get',
    'secrets',
    '-n',
    namespace,
    `--as=system:serviceaccount:${namespace}:default`,
  );
  await expect(listing).rejects.toThrow('forbidden');
});

it('publishes the request-header CA that aggregated APIs trust', async () => {
  const path = 'jsonpath={.data.requestheader-client-ca-file}';
  const args = ['get', 'configmap', 'extension-apiserver-authentication', '-n', 'kube-system', '-o', path];
  expect(await controlPlane.kubectl(...args)).toContain('BEGIN CERTIFICATE');
});

it('forwards an aggregated API to loopback, and names the user', async () => {
  const namespace = await controlPlane.createNamespace('aggregated');
  const folder = temporaryFolder('aggregated');
  const authority = await createAuthority(folder, 'ca', 'aggregated');
  const pair = await issueCertificate(folder, 'api', 'api', authority, `subjectAltName=DNS:api.${namespace}.svc`);
  const server = createServer(
    { key: readFileSync(pair.key), cert: readFileSync(pair.certificate) },
    (incoming, answer) => void answer.end(JSON.stringify({ user: incoming.headers['x-remote-user'] })),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const service = { name: 'api', namespace };
    const caBundle = readFileSync(authority.certificate).toString('base64');
    const api = { group: 'test.redis-queue.io', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 };
    const type = 'ExternalName';
    await controlPlane.apply([
      { apiVersion: 'v1', kind: 'Service', metadata: service, spec: { type, externalName: 'localhost' } },
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: 'v1.test.redis-queue.io' },
        spec: { ...api, caBundle, service: { ...service, port } },
      },
    ]);
    const answer = await eventually(() => controlPlane.kubectl('get', '--raw', '/apis/test.redis-queue.io/v1/things'));
    expect(answer).toBe('{"user":"admin"}');
  } finally {
    await controlPlane.kubectl('delete', 'apiservice', 'v1.test.redis-queue.io', '--ignore-not-found');
    server.close();
    server.closeAllConnections();
  }
});
