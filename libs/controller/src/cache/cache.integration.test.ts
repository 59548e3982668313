import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { eventually, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { systemClock } from '../time/clock.ts';
import type { ObjectKey } from '../objects/resources.ts';
import { startCuttableProxy, type CuttableProxy } from '../testing/cuttable-proxy.ts';
import { WIDGETS, installWidgets, kubeconfigThrough, silentLog, widget, type Widget } from '../testing/widgets.ts';
import { Informer } from './informer.ts';
import type { CacheOptions } from './object-cache.ts';

let controlPlane: ControlPlane;
/** Past the proxy: what others do while our cable is cut. */
let others: KubeClient;
let proxy: CuttableProxy;
let client: KubeClient;
let namespace: string;
let stop: AbortController;
let running: Promise<void>[];
beforeAll(async () => {
  controlPlane = await startControlPlane();
  others = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  await installWidgets(controlPlane);
  proxy = await startCuttableProxy(Number(new URL(controlPlane.server).port));
  const { kubeconfigPath, server } = controlPlane;
  client = loadKubeClient({ kubeconfigPath: kubeconfigThrough(proxy.port, kubeconfigPath, server) });
});
afterAll(async () => {
  await Promise.all([client.close(), others.close()]);
  await proxy[Symbol.asyncDispose]();
  await controlPlane.stop();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace('cache');
  stop = new AbortController();
  running = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(running);
});

const key = (name: string): ObjectKey => ({ namespace, name });
const create = (name: string, size = 1): Promise<Widget> => others.create(WIDGETS, widget(namespace, name, size));
const resize = (name: string, size: number): Promise<Widget> =>
  others.mergePatch(WIDGETS, key(name), { spec: { size } });

interface Followed {
  cache: Informer<Widget>;
  /** Everything reported, in order. */
  changes: string[];
  requests: { list: number; watch: number };
}

async function follow(selection: CacheOptions = {}): Promise<Followed> {
  const requests = { list: 0, watch: 0 };
  const cache = new Informer<Widget>({
    client,
    type: WIDGETS,
    selection: { namespace, ...selection },
    log: silentLog,
    clock: systemClock,
    random: () => 0,
    onRequest: (kind) => requests[kind]++,
  });
  const changes: string[] = [];
  cache.onChange((event, { metadata, spec }) => changes.push(`${event} ${metadata.name} ${spec.size}`));
  running.push(cache.run(stop.signal));
  await cache.whenSynced(stop.signal);
  return { cache, changes, requests };
}

const shows = (cache: Informer<Widget>, name: string, size: number): Promise<true> =>
  eventually(() => cache.get(key(name))?.spec.size === size, {
    timeoutMs: 40_000,
    description: `${name} of size ${size}`,
  });

it('lists in pages, follows changes and drops managed fields', async () => {
  for (const name of ['a', 'b', 'c']) await create(name);
  const { cache, changes, requests } = await follow();
  await resize('b', 2);
  await others.delete(WIDGETS, key('c'));
  await eventually(() => cache.size === 2);
  expect(changes).toEqual(['add a 1', 'add b 1', 'add c 1', 'update b 2', 'delete c 1']);
  expect(cache.list().map(({ metadata }) => 'managedFields' in metadata)).toEqual([false, false]);
  expect(cache.get(key('a'))).toMatchObject({ apiVersion: 'test.example/v1', kind: 'Widget' });
  expect(requests).toEqual({ list: 1, watch: 1 });
});

it('holds little of the largest annotations and labels that the API server takes, from the list and from the watch', async () => {
  const labels = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`l${index}`, 'x'.repeat(63)]));
  const annotations = { note: 'x'.repeat(250_000), small: 'kept' };
  const large = (name: string): Promise<Widget> =>
    others.create(WIDGETS, { ...widget(namespace, name), metadata: { namespace, name, labels, annotations } });
  await large('listed');
  const { cache } = await follow();
  await large('watched');
  await eventually(() => cache.size === 2);
  for (const object of cache.list()) {
    expect(JSON.stringify(object).length).toBeLessThan(20_000);
    expect(object.metadata.annotations).toEqual({ small: 'kept' });
  }
});

it('goes on without a list, missing and repeating nothing, when its connections are cut', async () => {
  const { cache, changes, requests } = await follow();
  await create('a');
  await shows(cache, 'a', 1);
  for (let size = 2; size <= 4; size++) {
    proxy.cut();
    await resize('a', size * 10);
    await resize('a', size);
    proxy.mend();
    await shows(cache, 'a', size);
  }
  expect(changes).toEqual([
    'add a 1',
    'update a 20',
    'update a 2',
    'update a 30',
    'update a 3',
    'update a 40',
    'update a 4',
  ]);
  expect(requests.list).toBe(1);
});

it('ends up right after a restart of the API server, without reporting anything twice', async () => {
  const { cache, changes } = await follow();
  await create('a');
  await create('b');
  await shows(cache, 'b', 1);
  await controlPlane.restartApiServer();
  await resize('a', 2);
  await shows(cache, 'a', 2);
  expect(changes).toEqual(['add a 1', 'add b 1', 'update a 2']);
});

it('lists again when its version has become too old, and sees what was deleted, changed and re-created meanwhile', async () => {
  for (const name of ['kept', 'changed', 'gone', 'recreated']) await create(name);
  const { cache, changes, requests } = await follow();
  const oldUid = cache.get(key('recreated'))?.metadata.uid;
  changes.length = 0;

  proxy.cut();
  await resize('changed', 2);
  await others.delete(WIDGETS, key('gone'));
  await others.delete(WIDGETS, key('recreated'));
  await create('recreated', 3);
  // A new API server knows no history from before its start: the version from before the cut is too old for it.
  await controlPlane.restartApiServer();
  proxy.mend();

  await shows(cache, 'recreated', 3);
  expect(requests.list).toBe(2);
  expect(changes.toSorted()).toEqual(['add recreated 3', 'delete gone 1', 'delete recreated 1', 'update changed 2']);
  expect(changes.indexOf('delete recreated 1')).toBeLessThan(changes.indexOf('add recreated 3'));
  expect(cache.get(key('recreated'))?.metadata.uid).not.toBe(oldUid);
});

it('starts when the API server does', async () => {
  proxy.cut();
  const following = follow();
  await create('a');
  proxy.mend();
  const { changes } = await following;
  expect(changes).toEqual(['add a 1']);
});

it('knows only what its selectors select, and an object that leaves them is deleted', async () => {
  await others.create(WIDGETS, {
    ...widget(namespace, 'red'),
    metadata: { namespace, name: 'red', labels: { colour: 'red' } },
  });
  await create('plain');
  const { cache } = await follow({ labelSelector: 'colour=red' });
  const { cache: byName } = await follow({ fieldSelector: 'metadata.name=plain' });
  expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(['red']);
  expect(byName.list().map(({ metadata }) => metadata.name)).toEqual(['plain']);
  await others.mergePatch(WIDGETS, key('red'), { metadata: { labels: { colour: 'blue' } } });
  await eventually(() => cache.size === 0);
});

it('stores what its transform keeps, from the list and from the watch, and never loses what names an object', async () => {
  const labels = { colour: 'red' };
  await others.create(WIDGETS, { ...widget(namespace, 'listed', 7), metadata: { namespace, name: 'listed', labels } });
  const seen: string[] = [];
  const { cache, changes } = await follow({
    transform: (object) => {
      const { metadata, spec } = object as Widget;
      seen.push(`${metadata.name} ${spec.size} ${'managedFields' in metadata}`);
      return { metadata: {}, spec: { size: spec.size % 2 } } as unknown as Widget;
    },
  });
  await create('watched', 8);
  await eventually(() => cache.size === 2);
  const { uid, resourceVersion } = (await others.get<Widget>(WIDGETS, key('listed')))!.metadata;
  expect(cache.get(key('listed'))).toEqual({
    apiVersion: 'test.example/v1',
    kind: 'Widget',
    metadata: { namespace, name: 'listed', uid, resourceVersion },
    spec: { size: 1 },
  });
  await others.delete(WIDGETS, key('watched'));
  await eventually(() => cache.size === 1);
  expect(changes).toEqual(['add listed 1', 'add watched 0', 'delete watched 0']);
  expect(seen).toEqual(['listed 7 false', 'watched 8 false', 'watched 8 false']);
});

it('of metadata alone keeps what names an object and its version, and follows changes of what it does not hold', async () => {
  const labels = { colour: 'red' };
  await others.create(WIDGETS, { ...widget(namespace, 'listed', 7), metadata: { namespace, name: 'listed', labels } });
  const cache = new Informer<Widget>({
    client,
    type: WIDGETS,
    selection: { namespace, metadataOnly: true },
    log: silentLog,
    clock: systemClock,
  });
  const changes: string[] = [];
  cache.onChange((event, { metadata }) => changes.push(`${event} ${metadata.name}`));
  running.push(cache.run(stop.signal));
  await cache.whenSynced(stop.signal);
  await create('watched');
  const { uid, resourceVersion } = (await resize('listed', 8)).metadata;
  await others.delete(WIDGETS, key('watched'));
  await eventually(() => changes.length === 4);
  expect(changes).toEqual(['add listed', 'add watched', 'update listed', 'delete watched']);
  expect(cache.list()).toEqual([
    { apiVersion: 'test.example/v1', kind: 'Widget', metadata: { namespace, name: 'listed', uid, resourceVersion } },
  ]);
});

it('follows metadata alone where there is no object yet', async () => {
  const selection = { namespace, metadataOnly: true };
  const cache = new Informer<Widget>({ client, type: WIDGETS, selection, log: silentLog, clock: systemClock });
  running.push(cache.run(stop.signal));
  await cache.whenSynced(stop.signal);
  expect(cache.size).toBe(0);
  await create('first');
  await eventually(() => cache.size === 1);
});

it('moves on by bookmarks, or by events of others, so that a quiet cache does not grow old', async () => {
  const { cache } = await follow();
  const { metadata } = await create('a');
  await cache.whenShows(key('a'), metadata.resourceVersion ?? '', stop.signal);
  expect(cache.lastSyncResourceVersion).toBe(metadata.resourceVersion);
});

it('a handler that throws disturbs neither the cache nor other handlers', async () => {
  const { cache, changes } = await follow();
  cache.onChange(() => {
    throw new Error('bad handler');
  });
  await create('a');
  await create('b');
  await shows(cache, 'b', 1);
  expect(changes).toEqual(['add a 1', 'add b 1']);
});
