import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { TerminalError, type ControllerOptions } from '../controller/types.ts';
import { controllerOwnerReference } from '../objects/owner-references.ts';
import { CONFIG_MAPS, EVENTS, type Resource } from '../objects/resources.ts';
import { WIDGETS, installWidgets, silentLog, widget, type Widget } from '../testing/widgets.ts';
import { createManager } from './manager.ts';
import type { Manager, ManagerOptions } from './types.ts';

let controlPlane: ControlPlane;
let client: KubeClient;
let namespace: string;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  controlPlane = await startControlPlane();
  client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  await installWidgets(controlPlane);
});
afterAll(async () => {
  await client.close();
  await controlPlane.stop();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace('manager');
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

function manager(options: Partial<ManagerOptions> = {}): Manager {
  return createManager({
    name: 'test',
    client: loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath }),
    log: silentLog,
    namespaces: [namespace],
    leaderElection: false,
    httpPort: 0,
    httpHost: '127.0.0.1',
    registry: new Registry(),
    ...options,
  });
}

function run(each: Manager): () => Promise<void> {
  const abort = new AbortController();
  const running = each.run(abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
    await each.client.close();
  };
  stops.push(stop);
  return stop;
}

/** Runs a controller of widgets and notes which it reconciles. */
function control(options: Partial<ControllerOptions<Widget>> = {}, each = manager()) {
  const seen: string[] = [];
  const { reconcile, ...rest } = options;
  const controller = each.controller<Widget>({
    name: 'widgets',
    type: WIDGETS,
    ...rest,
    reconcile: async (context) => {
      seen.push(`${context.key.name} ${context.object?.spec.size ?? 'gone'}`);
      return reconcile?.(context);
    },
  });
  return { each, controller, seen };
}

const create = (name: string, size = 1): Promise<Widget> => client.create(WIDGETS, widget(namespace, name, size));
const metric = async (each: Manager, line: string): Promise<number> => {
  const text = await each.registry.metrics();
  return Number(
    text
      .split('\n')
      .find((row) => row.startsWith(`${line} `))
      ?.split(' ')
      .at(-1),
  );
};
const setStatus = (name: string, seen: number): Promise<Widget> =>
  client.mergePatch(WIDGETS, { namespace, name }, { status: { seen } }, { subresource: 'status' });

const target = (object: Resource) => [{ namespace, name: object.metadata.annotations?.target ?? 'none' }];
const pointer = (name: string) => ({ metadata: { namespace, name: 'pointer', annotations: { target: name } } });

describe('what reconciles an object', () => {
  it('its creation, change of spec and deletion, but not its status', async () => {
    const { each, seen } = control();
    run(each);
    await create('a');
    await eventually(() => seen.length === 1);
    for (let count = 1; count <= 5; count++) await setStatus('a', count);
    await client.mergePatch(WIDGETS, { namespace, name: 'a' }, { spec: { size: 2 } });
    await eventually(() => seen.includes('a 2'));
    await client.delete(WIDGETS, { namespace, name: 'a' });
    await eventually(() => seen.includes('a gone'));
    expect(seen).toEqual(['a 1', 'a 2', 'a gone']);
  });

  it('the cache holds the newest status nevertheless', async () => {
    const { each } = control();
    const cache = each.cache<Widget>(WIDGETS);
    run(each);
    await create('a');
    await setStatus('a', 9);
    await eventually(() => cache.get({ namespace, name: 'a' })?.status?.seen === 9);
    expect(cache.size).toBe(1);
  });

  it('any change of an object it owns', async () => {
    const { each, seen } = control({ owns: [CONFIG_MAPS] });
    run(each);
    const owner = await create('a');
    await eventually(() => seen.length === 1);
    const ownerReferences = [controllerOwnerReference(owner)];
    const metadata = { namespace, name: 'owned', ownerReferences };
    await client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
    await eventually(() => seen.length === 2);
    await client.delete(CONFIG_MAPS, { namespace, name: 'owned' });
    await eventually(() => seen.length === 3);
    expect(new Set(seen)).toEqual(new Set(['a 1']));
  });

  it('a change of an object that maps to it, by where it pointed before and points now', async () => {
    const each = manager();
    const { seen } = control(
      { watches: [{ cache: CONFIG_MAPS, map: target, predicate: ({ object }) => object.metadata.name === 'pointer' }] },
      each,
    );
    run(each);
    await client.apply(CONFIG_MAPS, pointer('one'), { fieldManager: 'test' });
    await eventually(() => seen.includes('one gone'));
    seen.length = 0;
    await client.apply(CONFIG_MAPS, pointer('two'), { fieldManager: 'test' });
    await eventually(() => seen.length === 2);
    expect(seen.toSorted()).toEqual(['one gone', 'two gone']);
  });
});

describe('results', () => {
  it('an error is tried again until it works, a terminal one is not', async () => {
    let left = 3;
    const { each, seen } = control({
      reconcile: async ({ key }) => {
        if (key.name === 'terminal') throw new TerminalError('never');
        if (left-- > 0) throw new Error('not yet');
      },
    });
    run(each);
    await create('flaky');
    await create('terminal');
    await eventually(() => seen.filter((entry) => entry.startsWith('flaky')).length === 4);
    await eventually(() => seen.includes('terminal 1'));
    expect(await metric(each, 'controller_runtime_reconcile_errors_total{controller="widgets"}')).toBe(4);
    expect(await metric(each, 'controller_runtime_terminal_reconcile_errors_total{controller="widgets"}')).toBe(1);
    expect(await metric(each, 'controller_runtime_reconcile_total{controller="widgets",result="success"}')).toBe(1);
  });

  it('requeueAfterMs brings the object back', async () => {
    const { each, seen } = control({ reconcile: async () => (seen.length < 3 ? { requeueAfterMs: 5 } : undefined) });
    run(each);
    await create('a');
    await eventually(() => seen.length === 3);
    expect(await metric(each, 'controller_runtime_reconcile_total{controller="widgets",result="requeue_after"}')).toBe(
      2,
    );
  });

  it('a reconcile that takes too long is asked to end', async () => {
    const { each, seen } = control({
      reconcileTimeoutMs: 20,
      reconcile: ({ signal }) =>
        seen.length > 1
          ? Promise.resolve()
          : new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    });
    run(each);
    await create('slow');
    await eventually(() => seen.length === 2);
    expect(await metric(each, 'controller_runtime_reconcile_timeouts_total{controller="widgets"}')).toBe(1);
  });

  it('one object is never reconciled twice at once, different ones are, a third of the concurrency in one namespace', async () => {
    let busy = 0;
    let most = 0;
    const perKey = new Map<string, number>();
    const { each, controller, seen } = control({
      concurrency: 12,
      reconcile: async ({ key }) => {
        most = Math.max(most, ++busy);
        expect(perKey.get(key.name) ?? 0).toBe(0);
        perKey.set(key.name, 1);
        await new Promise((resolve) => setImmediate(resolve));
        perKey.set(key.name, 0);
        busy--;
      },
    });
    run(each);
    for (let index = 0; index < 200; index++) controller.enqueue({ namespace, name: `w${index % 10}` });
    await eventually(() => seen.length >= 10 && busy === 0);
    expect(most).toBe(4);
    expect(await metric(each, 'controller_runtime_reconcile_total{controller="widgets",result="error"}')).toBe(0);
  });
});

it('a reconcile always sees what the one before wrote', async () => {
  const stale: string[] = [];
  const written = new Map<string, number>();
  const each = manager();
  const { seen } = control(
    {
      reconcile: async ({ key, object }) => {
        const seenSize = object?.spec.size ?? 0;
        const before = written.get(key.name) ?? 0;
        if (seenSize < before) stale.push(`${key.name}: ${seenSize} after writing ${before}`);
        if (seenSize >= 50) return undefined;
        const patched = await each.client.mergePatch<Widget>(WIDGETS, key, { spec: { size: seenSize + 1 } });
        written.set(key.name, patched.spec.size);
        // At once, before the watch can have reported it.
        return { requeueAfterMs: 0 };
      },
    },
    each,
  );
  run(each);
  await create('a', 0);
  await create('b', 0);
  await eventually(() => written.get('a') === 50 && written.get('b') === 50);
  expect(stale).toEqual([]);
  expect(seen.length).toBeLessThan(150);
});

it('in a steady state a resync writes nothing', async () => {
  const each = manager();
  const { seen } = control(
    {
      resyncMs: 50,
      reconcile: async ({ key, object }) => {
        if (object?.status?.seen === object?.spec.size) return;
        const status = { metadata: { ...key }, status: { seen: object?.spec.size } };
        await each.client.apply(WIDGETS, status, { fieldManager: 'test', subresource: 'status' });
      },
    },
    each,
  );
  await create('a');
  await create('b');
  run(each);
  await eventually(() => seen.length >= 10);
  expect(await metric(each, 'controller_runtime_reconcile_total{controller="widgets",result="error"}')).toBe(0);
  const host = new URL(controlPlane.server).host;
  expect(await metric(each, `rest_client_requests_total{code="200",method="PATCH",host="${host}"}`)).toBe(2);
});

it('the caches refill and reconciles go on after a restart of the API server', async () => {
  const { each, seen } = control();
  run(each);
  await create('before');
  await eventually(() => seen.includes('before 1'));
  await controlPlane.restartApiServer();
  await create('after');
  await eventually(() => seen.includes('after 1'), { timeoutMs: 40_000 });
  expect(seen).toEqual(['before 1', 'after 1']);
});

const get = async (each: Manager, path: string): Promise<string> => {
  const answer = await fetch(`http://127.0.0.1:${each.httpPort}${path}`);
  return `${answer.status} ${await answer.text()}`;
};

describe('the process', () => {
  it('serves health, readiness and metrics, with the label values of each controller there from the start', async () => {
    const { each } = control();
    run(each);
    await eventually(async () => (await get(each, '/readyz')).startsWith('200'));
    expect(await get(each, '/healthz')).toContain('ok');
    const metrics = await get(each, '/metrics');
    for (const result of ['success', 'error', 'requeue', 'requeue_after']) {
      expect(metrics).toContain(`controller_runtime_reconcile_total{controller="widgets",result="${result}"}`);
    }
    for (const name of [
      'workqueue_depth',
      'workqueue_adds_total',
      'rest_client_requests_total',
      'leader_election_master_status',
    ]) {
      expect(metrics).toContain(`\n${name}{`);
    }
  });

  it('serves no metric that the reference does not explain', async () => {
    const page = readFileSync(new URL('../../../../docs/reference/metrics.md', import.meta.url), 'utf8');
    const { each } = control();
    run(each);
    await eventually(async () => (await get(each, '/readyz')).startsWith('200'));
    const names = [...(await get(each, '/metrics')).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name!);
    expect(names).toContain('rest_client_request_duration_seconds');
    // Of Node itself, by prom-client: the page names their prefixes.
    const ours = names.filter((name) => !/^(nodejs|process)_/.test(name));
    expect(ours.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('is not ready, and says why, while a type cannot be listed', async () => {
    const each = manager();
    each.cache({ ...WIDGETS, plural: 'gadgets' });
    run(each);
    await eventually(async () => {
      expect(await get(each, '/readyz')).toBe(
        '503 [-] caches: waiting for the first list of gadgets.test.example\nfailed\n',
      );
      return true;
    });
  });

  it('stops in order: reconciles first, the hooks then, and nothing starts any more', async () => {
    const order: string[] = [];
    const each = manager();
    const { seen } = control(
      {
        reconcile: async ({ signal }) => {
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
          order.push('reconcile');
        },
      },
      each,
    );
    each.onStop(() => void order.push('hook'));
    const stop = run(each);
    await create('a');
    await create('b');
    await eventually(() => seen.length === 1);
    await stop();
    expect(order).toEqual(['reconcile', 'hook']);
    expect(seen).toHaveLength(1);
  });

  it('ends with the error of a runnable that fails', async () => {
    const each = manager();
    each.runnable({ name: 'broken', run: () => Promise.reject(new Error('no Redis')) });
    await expect(each.run()).rejects.toThrow('no Redis');
    await each.client.close();
  });
});

it('events are counted on the object and found by kubectl', async () => {
  const each = manager();
  run(each);
  const object = await create('a');
  for (let count = 0; count < 3; count++)
    each.events.record(object, { type: 'Warning', reason: 'Broken', message: 'It broke.' });
  await eventually(async () => {
    const { items } = await client.list<Resource & { count?: number }>(EVENTS, {
      namespace,
      fieldSelector: 'reason=Broken',
    });
    expect(items.map(({ count }) => count)).toEqual([3]);
    return true;
  });
  expect(await controlPlane.kubectl('describe', 'widget', 'a', '-n', namespace)).toContain('It broke.');
});
