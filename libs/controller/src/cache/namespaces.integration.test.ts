import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, startControlPlane, temporaryFolder, type ControlPlane } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { CacheRegistry } from '../manager/cache-registry.ts';
import { systemClock } from '../time/clock.ts';
import { startCuttableProxy } from '../testing/cuttable-proxy.ts';
import { installWidgets, silentLog, widget, WIDGETS, type Widget } from '../testing/widgets.ts';

// Of several namespaces, each is a tenant's: one without rights, or gone, keeps no other waiting.

const PATIENCE = { timeoutMs: 40_000 };
let controlPlane: ControlPlane;
let administrator: KubeClient;
/** Of an account that may read Widgets in the namespaces to which `allow` binds it. */
let client: KubeClient;
/** The account's kubeconfig. */
let readerConfig: string;
let shop: string;
let crm: string;
let stop: AbortController;

beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  await installWidgets(controlPlane);
  administrator = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  shop = await controlPlane.createNamespace('shop');
  crm = await controlPlane.createNamespace('crm');
  await controlPlane.kubectl('create', 'serviceaccount', 'reader', '--namespace', shop);
  const token = await controlPlane.kubectl('create', 'token', 'reader', '--namespace', shop);
  const kubeconfig = JSON.parse(readFileSync(controlPlane.kubeconfigPath, 'utf8')) as { users: object[] };
  kubeconfig.users = [{ name: 'redis-queue', user: { token: token.trim() } }];
  readerConfig = JSON.stringify(kubeconfig);
  client = readerClient(controlPlane.server);
  await allow(shop);
  stop = new AbortController();
});
afterAll(async () => {
  stop.abort();
  await Promise.all([client.close(), administrator.close()]);
  await controlPlane.stop();
});

/** A client of the account that reaches the API server at this address. */
function readerClient(server: string): KubeClient {
  const kubeconfigPath = join(temporaryFolder('reader'), 'kubeconfig');
  writeFileSync(kubeconfigPath, readerConfig.replace(controlPlane.server, server), { mode: 0o600 });
  return loadKubeClient({ kubeconfigPath });
}

async function allow(namespace: string): Promise<void> {
  const role = ['create', 'role', 'reader', '--verb=get,list,watch', `--resource=${WIDGETS.plural}.${WIDGETS.group}`];
  await controlPlane.kubectl(...role, '--namespace', namespace);
  const binding = ['create', 'rolebinding', 'reader', '--role=reader', `--serviceaccount=${shop}:reader`];
  await controlPlane.kubectl(...binding, '--namespace', namespace);
}

it('one cache shows the objects of all of them, waits for none that is refused, and takes it up once it is allowed', async () => {
  const create = (namespace: string, name: string): Promise<Widget> =>
    administrator.create(WIDGETS, widget(namespace, name, 1));
  await Promise.all([create(shop, 'a'), create(crm, 'a')]);
  const namespaces = [shop, crm, 'absent'];
  const caches = new CacheRegistry({
    client,
    log: silentLog,
    clock: systemClock,
    registry: new Registry(),
    namespaces,
  });
  const cache = caches.of(WIDGETS);
  const changes: string[] = [];
  cache.onChange((event, { metadata }) => void changes.push(`${event} ${metadata.namespace}/${metadata.name}`));
  caches.start(stop.signal);
  await cache.whenSynced(AbortSignal.timeout(PATIENCE.timeoutMs));
  expect(changes).toEqual([`add ${shop}/a`]);

  await allow(crm);
  await eventually(() => cache.size === 2, PATIENCE);
  const { metadata } = await administrator.mergePatch<Widget>(
    WIDGETS,
    { namespace: crm, name: 'a' },
    { spec: { size: 2 } },
  );
  const version = metadata.resourceVersion!;
  await cache.whenShows({ namespace: crm, name: 'a' }, version, AbortSignal.timeout(PATIENCE.timeoutMs));
  await administrator.delete(WIDGETS, { namespace: shop, name: 'a' });
  await eventually(() => cache.size === 1, PATIENCE);
  expect(changes).toEqual([`add ${shop}/a`, `add ${crm}/a`, `update ${crm}/a`, `delete ${shop}/a`]);
  expect(cache.list(crm).map(({ metadata: { name } }) => name)).toEqual(['a']);
  expect(cache.lastSyncResourceVersion).toBeDefined();
  expect(
    caches.showing({ type: WIDGETS, key: { namespace: 'other', name: 'a' }, uid: 'u', resourceVersion: '1' }),
  ).toEqual([]);
});

it('drops the objects of a namespace that may not be listed any more, says so, and takes them up with the right', async () => {
  const namespace = await controlPlane.createNamespace('left');
  await allow(namespace);
  await administrator.create(WIDGETS, widget(namespace, 'a', 1));
  await administrator.create(WIDGETS, widget(shop, 'b', 1));
  await using proxy = await startCuttableProxy(Number(new URL(controlPlane.server).port));
  const throughProxy = readerClient(`https://127.0.0.1:${proxy.port}`);
  const registry = new Registry();
  // A minute is a second by this clock.
  const clock = { ...systemClock, now: () => 60 * systemClock.now() };
  const caches = new CacheRegistry({
    client: throughProxy,
    log: silentLog,
    clock,
    registry,
    namespaces: [shop, namespace],
  });
  const [dropping, keeping] = [caches.of(WIDGETS), caches.of(WIDGETS, { labelSelector: '!nothing' })];
  dropping.dropWhenRevoked();
  const changes: string[] = [];
  dropping.onChange((event, { metadata }) => void changes.push(`${event} ${metadata.namespace}/${metadata.name}`));
  const ended = new AbortController();
  caches.start(ended.signal);
  for (const cache of [dropping, keeping]) await cache.whenSynced(AbortSignal.timeout(PATIENCE.timeoutMs));
  const revoked = async () => (await registry.getSingleMetric('redis_queue_cache_revoked_namespaces')!.get()).values;
  expect(await revoked()).toMatchObject([{ value: 0 }]);

  await controlPlane.kubectl('delete', 'role,rolebinding', 'reader', '--namespace', namespace);
  // The API server ends no open watch when its right is gone.
  proxy.breakConnections();
  await eventually(() => changes.includes(`delete ${namespace}/a`), PATIENCE);
  expect(await revoked()).toMatchObject([{ value: 1 }]);
  expect(dropping.list().map(({ metadata }) => metadata.name)).toEqual(['b']);
  expect(dropping.hasSynced).toBe(true);
  expect(keeping.size).toBe(2);

  await allow(namespace);
  await eventually(() => dropping.size === 2, PATIENCE);
  expect(changes.slice(-2)).toEqual([`delete ${namespace}/a`, `add ${namespace}/a`]);
  expect(await revoked()).toMatchObject([{ value: 0 }]);
  ended.abort();
  await caches.stopped();
  await throughProxy.close();
});

it('with a right in none of them a cache waits, as with a single one', async () => {
  const caches = new CacheRegistry({
    client,
    log: silentLog,
    clock: systemClock,
    registry: new Registry(),
    namespaces: ['absent', 'elsewhere'],
  });
  const cache = caches.of(WIDGETS);
  const ended = new AbortController();
  caches.start(ended.signal);
  await expect(cache.whenSynced(AbortSignal.timeout(1_500))).rejects.toThrow('timeout');
  ended.abort();
  await caches.stopped();
});
