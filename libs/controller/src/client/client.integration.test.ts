import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, startApiProxy, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../finalizers/finalizers.ts';
import { CONFIG_MAPS, DEPLOYMENTS, keyOf, type Resource } from '../objects/resources.ts';
import { startCuttableProxy, type CuttableProxy } from '../testing/cuttable-proxy.ts';
import { WIDGETS, installWidgets, kubeconfigThrough, widget, type Widget } from '../testing/widgets.ts';
import {
  type ApiError,
  ConnectionError,
  isConflict,
  isFieldConflict,
  isInvalid,
  WritesStoppedError,
} from './api-error.ts';
import type { KubeClient } from './kube-client.ts';
import { loadKubeClient } from './load.ts';

let controlPlane: ControlPlane;
let proxy: CuttableProxy;
let kubeconfigPath: string;
let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  controlPlane = await startControlPlane();
  proxy = await startCuttableProxy(Number(new URL(controlPlane.server).port));
  kubeconfigPath = kubeconfigThrough(proxy.port, controlPlane.kubeconfigPath, controlPlane.server);
  client = loadKubeClient({ kubeconfigPath });
  namespace = await controlPlane.createNamespace('client');
  await installWidgets(controlPlane);
});
afterAll(async () => {
  await client.close();
  await proxy[Symbol.asyncDispose]();
  await controlPlane.stop();
});

const configMap = (name: string, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name } as Resource['metadata'],
  data,
});

describe('connections', () => {
  it('300 requests one after another use two connections at most', async () => {
    const own = loadKubeClient({ kubeconfigPath });
    const before = proxy.connections;
    for (let index = 0; index < 300; index++) await own.get(CONFIG_MAPS, { namespace, name: 'none' });
    // Two, not one: an answer is handed over a moment before its connection is free again.
    expect(proxy.connections - before).toBeLessThanOrEqual(2);
    await own.close();
  });

  // Wall 5: a request may have waited for its connection longer than its sender may still write.
  it('asks whether it may still write when the request has its connection, not when it is queued', async () => {
    const own = loadKubeClient({ kubeconfigPath, maxConnections: 1 });
    let mayWrite = true;
    own.transport.guardWrites(() => {
      if (!mayWrite) throw new WritesStoppedError('no longer the leader');
    });
    const writes = ['first', 'second', 'third'].map((name) => own.create(CONFIG_MAPS, configMap(name)));
    const settled = Promise.allSettled(writes);
    await writes[0];
    mayWrite = false;
    const refused = (await settled).filter(({ status }) => status === 'rejected');
    mayWrite = true;
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused as PromiseRejectedResult[]) expect(reason).toBeInstanceOf(WritesStoppedError);
    const { items } = await own.list(CONFIG_MAPS, { namespace });
    const created = items.filter(({ metadata: { name } }) => ['first', 'second', 'third'].includes(name));
    expect(created).toHaveLength(writes.length - refused.length);
    // The connection is as good as before.
    expect(await own.create(CONFIG_MAPS, configMap('fourth'))).toBeDefined();
    await own.close();
  });

  it('many requests at once use at most the pool, and watches do not take from it', async () => {
    const own = loadKubeClient({ kubeconfigPath, maxConnections: 4 });
    const before = proxy.connections;
    const { metadata } = await own.list(CONFIG_MAPS, { namespace });
    const resourceVersion = metadata.resourceVersion ?? '';
    const watches = await Promise.all(
      Array.from({ length: 8 }, () => own.watch(CONFIG_MAPS, { namespace, resourceVersion, timeoutSeconds: 60 })),
    );
    await Promise.all(Array.from({ length: 100 }, () => own.get(CONFIG_MAPS, { namespace, name: 'none' })));
    expect(proxy.connections - before).toBeLessThanOrEqual(12);
    for (const watch of watches) watch.close();
    await own.close();
  });

  // Wall 1: a tenant may have a webhook for its namespace that answers nothing.
  it('60 writes that hang, of one namespace, delay neither writes of another nor reads', async () => {
    const bad = await controlPlane.createNamespace('hangs');
    const { promise: released, resolve: release } = Promise.withResolvers<undefined>();
    let hanging = 0;
    await using hangingProxy = await startApiProxy(controlPlane, ({ namespace: writtenTo }) => {
      if (writtenTo !== bad) return undefined;
      hanging++;
      return released;
    });
    const own = loadKubeClient({ kubeconfigPath: hangingProxy.kubeconfigPath });
    const writes = Array.from({ length: 60 }, (_, index) => {
      const name = `hangs-${index}`;
      return own.create(CONFIG_MAPS, {
        ...configMap(name),
        metadata: { namespace: bad, name },
      });
    });
    const all = Promise.all(writes);
    await eventually(() => hanging >= 8);
    const signal = AbortSignal.timeout(5_000);
    await own.create(CONFIG_MAPS, configMap('beside-hanging'), { signal });
    await own.get(CONFIG_MAPS, { namespace: bad, name: 'hangs-0' }, { signal });
    expect(hanging).toBe(8);
    release(undefined);
    expect(await all).toHaveLength(60);
    await own.close();
  });

  it('a read survives connections that broke while idle', async () => {
    await client.list(CONFIG_MAPS, { namespace });
    proxy.breakConnections();
    expect((await client.list(CONFIG_MAPS, { namespace })).kind).toBe('ConfigMapList');
  });

  it('without an answer it is a ConnectionError that names the request', async () => {
    proxy.cut();
    const failure = await client.get(CONFIG_MAPS, { namespace, name: 'a' }).catch((error: unknown) => error);
    proxy.mend();
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(String(failure)).toContain(`GET /api/v1/namespaces/${namespace}/configmaps/a`);
  });
});

describe('objects', () => {
  it('are undefined when absent, and deleting what is not there is no error', async () => {
    expect(await client.get(CONFIG_MAPS, { namespace, name: 'none' })).toBeUndefined();
    expect(await client.delete(CONFIG_MAPS, { namespace, name: 'none' })).toBe(false);
  });

  it('are not deleted when the uid is of another object', async () => {
    await client.create(CONFIG_MAPS, configMap('precious'));
    const key = { namespace, name: 'precious' };
    const failure = await client.delete(CONFIG_MAPS, key, { uid: 'other' }).catch((error: unknown) => error);
    expect(isConflict(failure)).toBe(true);
    expect(await client.get(CONFIG_MAPS, key)).toBeDefined();
  });

  it('are refused when invalid, with the field in the message', async () => {
    const failure = await client.create(CONFIG_MAPS, configMap('Not_Valid')).catch((error: unknown) => error);
    expect(isInvalid(failure)).toBe(true);
    expect((failure as ApiError).message).toContain('metadata.name');
    expect((failure as ApiError).details.causes?.[0]?.field).toBe('metadata.name');
  });

  it('are updated only from their newest state', async () => {
    const created = await client.create(CONFIG_MAPS, configMap('raced'));
    await client.update(CONFIG_MAPS, { ...created, data: { first: 'yes' } });
    const failure = await client
      .update(CONFIG_MAPS, { ...created, data: { second: 'yes' } })
      .catch((error: unknown) => error);
    expect(isConflict(failure)).toBe(true);
    expect(isFieldConflict(failure)).toBe(false);
  });

  it('in a list come with apiVersion and kind in pages that lead on', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) {
      await client.create(CONFIG_MAPS, { ...configMap(name), metadata: { namespace, name, labels: { paged: 'yes' } } });
    }
    const first = await client.list(CONFIG_MAPS, { namespace, labelSelector: 'paged=yes', limit: 2 });
    const rest = await client.list(CONFIG_MAPS, {
      namespace,
      limit: 2,
      labelSelector: 'paged=yes',
      continue: first.metadata.continue,
    });
    expect([...first.items, ...rest.items].map(({ metadata }) => metadata.name)).toEqual([
      'page-1',
      'page-2',
      'page-3',
    ]);
  });
});

const apply = (fieldManager: string, size: number, force = false): Promise<Widget> =>
  client.apply<Widget>(WIDGETS, { metadata: { namespace, name: 'applied' }, spec: { size } }, { fieldManager, force });

describe('server-side apply', () => {
  it('creates, and writes nothing when nothing changes', async () => {
    const created = await apply('one', 1);
    const again = await apply('one', 1);
    expect(again.metadata.resourceVersion).toBe(created.metadata.resourceVersion);
  });

  it('refuses a field of another manager and names who has it; force takes it over', async () => {
    await apply('one', 1);
    const failure = await apply('two', 2).catch((error: unknown) => error);
    expect(isFieldConflict(failure)).toBe(true);
    expect(isConflict(failure)).toBe(false); // it is reported, since the next try fails in the same way
    expect((failure as ApiError).message).toContain('"one"');
    expect((failure as ApiError).details.causes?.[0]?.field).toBe('.spec.size');
    expect((await apply('two', 2, true)).spec.size).toBe(2);
  });

  // Wall 1: the id of a job is a tenant's text, and a condition may name it.
  it('takes every character of a text', async () => {
    const texts = ['\u0000', '\u007F', '\u0080', '\u0085', '\u009F', '\u2028', '\uFEFF', '\uFFFE', '\uFFFF', '😀'];
    const annotations = Object.fromEntries(texts.map((text, index) => [`text-${index}`, `a${text}b`]));
    const object = { metadata: { namespace, name: 'texts', annotations }, spec: { size: 1 } };
    const applied = await client.apply(WIDGETS, object, { fieldManager: 'one' });
    expect(applied.metadata.annotations).toEqual(annotations);
  });

  it('that carries the uid of a deleted object creates no new one', async () => {
    const { metadata } = await client.create(WIDGETS, widget(namespace, 'replaced'));
    await client.delete(WIDGETS, { namespace, name: 'replaced' });
    const { uid, resourceVersion } = metadata;
    const object = { metadata: { namespace, name: 'replaced', uid, resourceVersion }, spec: { size: 3 } };
    const failure = await client.apply(WIDGETS, object, { fieldManager: 'one' }).catch((error: unknown) => error);
    expect(isConflict(failure)).toBe(true);
    expect(await client.get(WIDGETS, keyOf(object))).toBeUndefined();
  });

  it('as a dry run changes nothing but reports what is wrong', async () => {
    const deployment = { metadata: { namespace, name: 'dry' }, spec: { selector: {}, template: {} } };
    const options = { fieldManager: 'one', dryRun: true };
    const failure = await client.apply(DEPLOYMENTS, deployment, options).catch((error: unknown) => error);
    expect(isInvalid(failure)).toBe(true);
    await client.apply(WIDGETS, { metadata: { namespace, name: 'dry' }, spec: { size: 1 } }, options);
    expect(await client.get(WIDGETS, { namespace, name: 'dry' })).toBeUndefined();
  });

  it('of the status leaves the spec and its generation alone', async () => {
    const created = await client.create(WIDGETS, widget(namespace, 'with-status', 7));
    const status = { metadata: { namespace, name: 'with-status' }, status: { seen: 7 } };
    const applied = await client.apply<Widget>(WIDGETS, status, { fieldManager: 'one', subresource: 'status' });
    expect(applied).toMatchObject({
      spec: { size: 7 },
      status: { seen: 7 },
      metadata: { generation: created.metadata.generation },
    });
  });
});

it('finalizers are added and removed once each, never over those of others', async () => {
  const created = await client.create(WIDGETS, widget(namespace, 'finalized'));
  const added = await addFinalizer(client, WIDGETS, created, 'test.example/mine');
  expect(await addFinalizer(client, WIDGETS, added, 'test.example/mine')).toBe(added);
  const other = await addFinalizer(client, WIDGETS, added, 'test.example/other');
  const stale = await removeFinalizer(client, WIDGETS, added, 'test.example/mine').catch((error: unknown) => error);
  expect(isConflict(stale)).toBe(true);
  const removed = await removeFinalizer(client, WIDGETS, other, 'test.example/mine');
  expect(removed.metadata.finalizers).toEqual(['test.example/other']);
  expect(hasFinalizer(removed, 'test.example/mine')).toBe(false);
});
