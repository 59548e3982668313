import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually, startControlPlane, temporaryFolder, type ControlPlane } from '@redis-queue/rig';
import { Registry } from 'prom-client';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { CacheRegistry } from '../manager/cache-registry.ts';
import { systemClock } from '../time/clock.ts';
import { installWidgets, silentLog, widget, WIDGETS, type Widget } from '../testing/widgets.ts';

// Of several namespaces, each is a tenant's: one without rights, or gone, keeps no other waiting.

const PATIENCE = { timeoutMs: 40_000 };
let controlPlane: ControlPlane;
let administrator: KubeClient;
/** Of an account that may read Widgets in the namespaces to which `allow` binds it. */
let client: KubeClient;
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
  const kubeconfigPath = join(temporaryFolder('reader'), 'kubeconfig');
  writeFileSync(kubeconfigPath, JSON.stringify(kubeconfig), { mode: 0o600 });
  client = loadKubeClient({ kubeconfigPath });
  await allow(shop);
  stop = new AbortController();
});
afterAll(async () => {
  stop.abort();
  await Promise.all([client.close(), administrator.close()]);
  await controlPlane.stop();
});

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
}, 120_000);

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
