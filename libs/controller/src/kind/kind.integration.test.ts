import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { isConflict } from '../client/api-error.ts';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import type { Controller } from '../controller/types.ts';
import { createManager } from '../manager/manager.ts';
import { findCondition } from '../objects/conditions.ts';
import { CONFIG_MAPS, EVENTS, keyOf, type Resource } from '../objects/resources.ts';
import { accountWith, deny, grant, limitConfigMaps } from '../testing/refusals.ts';
import { WIDGET_FINALIZER, widgetKind, type WidgetConfigMap, type WidgetKindOptions } from '../testing/widget-kind.ts';
import { installWidgets, silentLog, widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import { systemClock } from '../time/clock.ts';
import { manageKind } from './manage-kind.ts';
import { StatusPace } from './status-pace.ts';
import { StatusWriter } from './status-writer.ts';

/** How soon trouble shows, and how soon its end does. */
const SOON = { timeoutMs: 10_000 };
const OTHER_FINALIZER = 'test.example/other';

let cluster: ControlPlane;
let client: KubeClient;
let namespace: string;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  cluster = await startControlPlane();
  client = loadKubeClient({ kubeconfigPath: cluster.kubeconfigPath });
  await installWidgets(cluster);
});
afterAll(async () => {
  await client?.close();
  await cluster?.stop();
});
beforeEach(async () => {
  namespace = await cluster.createNamespace('kind');
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface RunningKind {
  readonly controller: Controller;
  /** Every state of the Widgets that was seen, oldest first. */
  readonly history: readonly Widget[];
  /** The sum of the metrics' samples whose lines match. */
  sumOf(samples: RegExp): Promise<number>;
}

/** Runs a controller of the kind, confined to the test's namespace, until the test ends. */
function control(
  options: Omit<WidgetKindOptions, 'client'> = {},
  {
    kubeconfigPath = cluster.kubeconfigPath,
    reconcileTimeoutMs = 2_000,
    namespaces = [namespace],
    concurrency = 1,
  } = {},
): RunningKind {
  const own = loadKubeClient({ kubeconfigPath });
  const manager = createManager({
    name: 'widget-controller',
    client: own,
    log: silentLog,
    namespaces,
    leaderElection: false,
    registry: new Registry(),
  });
  const controller = manageKind(manager, widgetKind({ client: own, ...options }), {
    reconcileTimeoutMs,
    concurrency,
  });
  const history: Widget[] = [];
  manager.cache<Widget>(WIDGETS).onChange((_, seen) => void history.push(seen));
  const abort = new AbortController();
  const running = manager.run(abort.signal);
  stops.push(async () => {
    abort.abort();
    await running;
    await own.close();
  });
  const sumOf = async (samples: RegExp): Promise<number> => {
    const lines = (await manager.registry.metrics()).split('\n').filter((line) => samples.test(line));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };
  return { controller, history, sumOf };
}

const site = () => ({ cluster, namespace });
const create = (name: string, size = 1): Promise<Widget> => client.create(WIDGETS, widget(namespace, name, size));
const read = (name: string): Promise<Widget | undefined> => client.get<Widget>(WIDGETS, { namespace, name });
const textOf = async (name: string): Promise<string | undefined> =>
  (await client.get<WidgetConfigMap>(CONFIG_MAPS, { namespace, name }))?.data?.text;
const readyOf = (object: Widget | undefined) => findCondition(object?.status?.conditions, 'Ready');

/** Waits until Ready has this reason for the newest generation, and returns its message. */
const settled = (name: string, reason: string): Promise<string> =>
  eventually(
    async () => {
      const now = await read(name);
      const ready = readyOf(now);
      if (ready?.reason === reason && ready.observedGeneration === now?.metadata.generation) return ready.message;
      throw new Error(`Ready is ${JSON.stringify(ready)}`);
    },
    { ...SOON, description: `${name} to be ${reason}` },
  );

/** Reconciles the object once more. */
async function again(kind: RunningKind, name: string): Promise<void> {
  const reconciles = (): Promise<number> => kind.sumOf(/^controller_runtime_reconcile_total\{/);
  const before = await reconciles();
  kind.controller.enqueue({ namespace, name });
  await eventually(async () => (await reconciles()) > before, SOON);
}

describe('an object without trouble', () => {
  it('is brought to its spec, says so, and is left in silence afterwards', async () => {
    const kind = control();
    await create('calm', 3);
    await settled('calm', 'Created');
    expect(await textOf('calm')).toBe('xxx');
    expect((await read('calm'))?.status).toMatchObject({ seen: 3, observedGeneration: 1 });

    const writes = (): Promise<number> => kind.sumOf(/^rest_client_requests_total\{.*method="(POST|PUT|PATCH|DELETE)"/);
    const written = await writes();
    expect(written).toBeGreaterThan(0);
    await again(kind, 'calm');
    expect(await writes()).toBe(written);
  });

  it('has its status written again when somebody else wrote it', async () => {
    const kind = control();
    await create('overwritten', 2);
    await settled('overwritten', 'Created');
    const nonsense = { type: 'Ready', status: 'False', reason: 'Nonsense', message: '', lastTransitionTime: 'then' };
    const status = { seen: 99, conditions: [nonsense] };
    await client.mergePatch(WIDGETS, { namespace, name: 'overwritten' }, { status }, { subresource: 'status' });
    // Not the newest state: it may be repaired by the time that we look.
    await eventually(() => kind.history.some((seen) => seen.status?.seen === 99), SOON);
    await eventually(async () => (await read('overwritten'))?.status?.seen === 2, SOON);
    expect(await settled('overwritten', 'Created')).toBe('the ConfigMap is there');
  });
});

describe('what the API server refuses', () => {
  it('by a quota is told within 10 s, and heals when the quota is raised', async () => {
    await limitConfigMaps(site(), '0');
    await untilRefused();
    control();
    await create('counted');
    expect(await settled('counted', 'ApiQuotaExceeded')).toContain('exceeded quota: few');
    expect(conditionsOf(await read('counted'))).toEqual([...UNKNOWN, 'Ready False', 'Reconciling True']);
    await limitConfigMaps(site(), '10');
    await settled('counted', 'Created');
    expect(conditionsOf(await read('counted'))).toEqual(['Available True', 'Degraded False', 'Ready True']);
  });

  it('for want of a right is told, and heals within 10 s once the role has it', async () => {
    const kubeconfigPath = await accountWith(site(), ['get', 'list', 'watch', 'patch']);
    control({}, { kubeconfigPath });
    await create('forbidden');
    expect(await settled('forbidden', 'ApiForbidden')).toContain('cannot create resource "configmaps"');
    expect(conditionsOf(await read('forbidden'))).toEqual([...UNKNOWN, 'Ready False', 'Stalled True']);
    await grant(site(), ['get', 'list', 'watch', 'patch', 'create']);
    await settled('forbidden', 'Created');
  });

  it('by an admission policy is told in its words, and heals when the policy goes', async () => {
    await deny(site(), 'no widgets here');
    await untilRefused();
    control();
    await create('denied');
    expect(await settled('denied', 'ApiRequestRefused')).toContain('no widgets here');
    await cluster.kubectl('delete', 'validatingadmissionpolicybinding', namespace);
    await settled('denied', 'Created');
  });

  it.each([
    ['an object that is invalid because it is too large', 1_100_000, 'ApiRequestRefused', /Too long/],
    ['a request that is too large to be read', 4_000_000, 'ApiRequestTooLarge', /too large/i],
  ])('as %s is told, and heals when the spec is corrected', async (_, size, reason, message) => {
    control();
    await create('large', size);
    expect(await settled('large', reason)).toMatch(message);
    await client.mergePatch(WIDGETS, { namespace, name: 'large' }, { spec: { size: 5 } });
    await settled('large', 'Created');
    expect(await textOf('large')).toBe('xxxxx');
  });
});

// Walls 2 and 3: what hangs costs its own object its reconcile, and nobody else's.
describe('a reconcile that hangs', () => {
  it('frees its only worker, is told by a condition of its object, and is tried again', async () => {
    let hangs = true;
    control({
      beforeApply: ({ metadata: { name } }) =>
        hangs && name === 'hangs' ? new Promise(() => undefined) : Promise.resolve(),
    });
    await create('hangs');
    await create('other');
    await settled('other', 'Created');
    expect(await settled('hangs', 'ReconcileTimeout')).toMatch(/took longer than 2 s.*it is tried again/);
    hangs = false;
    await settled('hangs', 'Created');
  });
});

// Wall 6: what is not reconciled says so within 10 s.
it('an object whose change waits for its turn says so, and one that was reconciled before does not', async () => {
  const hung = Promise.withResolvers<void>();
  const beforeApply: WidgetKindOptions['beforeApply'] = async ({ metadata: { name } }) => {
    if (name === 'hangs') await hung.promise;
  };
  const { controller, history } = control({ beforeApply }, { reconcileTimeoutMs: 60_000 });
  const known = await create('known');
  await settled('known', 'Created');
  await create('hangs');
  await eventually(() => history.some(({ metadata }) => metadata.name === 'hangs'), SOON);
  controller.enqueue(keyOf(known));
  await create('waits');
  expect(await settled('waits', 'WaitingForTurn')).toBe(
    `this generation waits for its turn: namespace ${namespace} has as many reconciles under way as its share allows, and others of it go first`,
  );
  expect(conditionsOf(await read('waits'))).toEqual([...UNKNOWN, 'Ready False', 'Reconciling True']);
  expect(readyOf(await read('known'))).toMatchObject({ reason: 'Created' });
  hung.resolve();
  await settled('waits', 'Created');
});

// Wall 1: numbers that move in one namespace keep those of no other waiting.
it('a status that can wait is written at the turn of its namespace, while a hundred of another wait for theirs', async () => {
  const calm = await cluster.createNamespace('calm');
  const pace = new StatusPace({ clock: systemClock, onTurn: (key) => kind.controller.enqueue(key) });
  const kind = control({ pace, memories: [pace] }, { namespaces: [namespace, calm], concurrency: 20 });
  const noisy = Array.from({ length: 100 }, (_, index) => `noisy-${index}`);
  await Promise.all(noisy.map((name) => create(name)));
  const reconciles = (): Promise<number> => kind.sumOf(/^controller_runtime_reconcile_total\{/);
  await eventually(async () => (await reconciles()) >= noisy.length, SOON);
  const written = (within: string): number =>
    new Set(
      kind.history
        .filter(({ metadata, status }) => metadata.namespace === within && status)
        .map(({ metadata }) => metadata.name),
    ).size;
  await client.create(WIDGETS, widget(calm, 'good'));
  await eventually(() => written(calm) === 1, SOON);
  expect(written(namespace)).toBeLessThan(noisy.length);
  // Nobody is passed over either, and each was reconciled for its turn.
  await eventually(() => written(namespace) === noisy.length, SOON);
});

describe('the finalizer', () => {
  it('is there before the first write, and goes after what it is for was done', async () => {
    const steps: string[] = [];
    const beforeStep: WidgetKindOptions['beforeStep'] = async ({ metadata: { name } }, { kind }) => {
      const now = await read(name);
      steps.push(`${kind} ${now?.metadata.finalizers?.join() ?? 'without'}`);
    };
    control({ beforeStep });
    const created = await create('kept');
    await settled('kept', 'Created');
    await client.delete(WIDGETS, keyOf(created));
    await eventually(async () => (await read('kept')) === undefined, SOON);
    expect(steps).toEqual([`applyConfigMap ${WIDGET_FINALIZER}`, `cleanUp ${WIDGET_FINALIZER}`]);
  });

  it('of an object that is being deleted is not missed: without ours it is left alone', async () => {
    const leaving: Resource = {
      ...widget(namespace, 'leaving'),
      metadata: { namespace, name: 'leaving', finalizers: [OTHER_FINALIZER] },
    };
    const { metadata } = await client.create(WIDGETS, leaving);
    await client.delete(WIDGETS, keyOf(leaving));
    const planned: string[] = [];
    const kind = control({ beforeApply: ({ metadata: { name } }) => Promise.resolve(void planned.push(name)) });
    await create('staying');
    await settled('staying', 'Created');
    await again(kind, 'leaving');
    expect(planned).not.toContain('leaving');
    expect(await read('leaving')).toMatchObject({ metadata: { uid: metadata.uid, finalizers: [OTHER_FINALIZER] } });
    expect((await read('leaving'))?.status).toBeUndefined();
  });
});

it('what is remembered of an object is forgotten with it', async () => {
  const forgotten: string[] = [];
  control({ memories: [{ forget: (uid) => forgotten.push(uid) }] });
  const [going, staying] = await Promise.all([create('going'), create('staying')]);
  await Promise.all([settled('going', 'Created'), settled('staying', 'Created')]);
  expect(forgotten).toEqual([]);
  await client.delete(WIDGETS, keyOf(going));
  await eventually(() => forgotten.length > 0, SOON);
  expect([...new Set(forgotten)]).toEqual([going.metadata.uid]);
  expect(await read('staying')).toMatchObject({ metadata: { uid: staying.metadata.uid } });
});

it('what a reconcile notes of an object that is deleted meanwhile is forgotten when it ends', async () => {
  const noted = new Set<string>();
  const forgotten: string[] = [];
  const forget = (uid: string): void => void (forgotten.push(uid), noted.delete(uid));
  control({
    memories: [{ forget }],
    beforeApply: async ({ metadata }) => {
      const { uid = '', deletionTimestamp } = metadata;
      if (deletionTimestamp === undefined) return;
      await client.mergePatch(WIDGETS, keyOf({ metadata }), { metadata: { finalizers: null } });
      await eventually(() => forgotten.includes(uid), SOON);
      noted.add(uid);
    },
  });
  const going = await create('raced');
  await settled('raced', 'Created');
  await client.delete(WIDGETS, keyOf(going));
  await eventually(() => forgotten.length > 1, SOON);
  expect(noted).toEqual(new Set());
});

it('a conflict is tried again, and no condition or event ever tells of it', async () => {
  let tries = 0;
  const beforeApply: WidgetKindOptions['beforeApply'] = async ({ metadata: { name } }) => {
    tries += 1;
    // The finalizer is added to the version that was read, which is not the newest any more.
    if (tries === 1) await client.mergePatch(WIDGETS, { namespace, name }, { metadata: { labels: { by: 'other' } } });
  };
  const kind = control({ beforeApply });
  const created = await create('contested');
  await settled('contested', 'Created');
  expect(tries).toBeGreaterThan(1);
  expect(await kind.sumOf(/^controller_runtime_reconcile_total\{.*result="error"/)).toBeGreaterThan(0);
  await eventually(() => readyOf(kind.history.at(-1))?.reason === 'Created', SOON);
  const reasons = kind.history.map((seen) => readyOf(seen)?.reason).filter((reason) => reason !== undefined);
  expect(new Set(reasons)).toEqual(new Set(['Created']));
  expect(await eventsOf(created)).toEqual([]);
});

describe('an object that was created anew under its name', () => {
  it('never shows what was found of the one before', async () => {
    let first: Widget | undefined;
    const beforeStep: WidgetKindOptions['beforeStep'] = async ({ metadata: { name, uid } }) => {
      if (uid !== first?.metadata.uid) return;
      await client.mergePatch(WIDGETS, { namespace, name }, { metadata: { finalizers: null } });
      await client.delete(WIDGETS, { namespace, name });
      await create(name, 2);
    };
    first = await create('anew', 1);
    const kind = control({ beforeStep });
    await settled('anew', 'Created');
    const second = await read('anew');
    expect(second?.metadata.uid).not.toBe(first.metadata.uid);
    await eventually(() => kind.history.at(-1)?.status?.seen === 2, SOON);
    const seen = kind.history.filter(({ metadata }) => metadata.uid === second?.metadata.uid);
    expect(new Set(seen.map(({ status }) => status?.seen))).toEqual(new Set([undefined, 2]));
  });

  it('is a conflict to who writes the status of the one before, which a later version of the same object is not', async () => {
    const before = await create('same-name');
    await client.delete(WIDGETS, keyOf(before));
    await create('same-name');
    const status = new StatusWriter<Widget>({ client, type: WIDGETS, fieldManager: 'test' });
    await expect(status.write(before, { seen: 1 })).rejects.toSatisfy(isConflict);
    expect((await read('same-name'))?.status).toBeUndefined();

    const stale = await create('changed');
    await client.mergePatch(WIDGETS, keyOf(stale), { spec: { size: 2 } });
    await status.write(stale, { seen: 1 });
    expect(await read('changed')).toMatchObject({ spec: { size: 2 }, status: { seen: 1 } });
  });
});

const conditionsOf = (object: Widget | undefined): string[] =>
  (object?.status?.conditions ?? []).map(({ type, status }) => `${type} ${status}`).toSorted();
/** Of an object that was never Ready. */
const UNKNOWN = ['Available Unknown', 'Degraded Unknown'];

async function eventsOf({ metadata }: Widget): Promise<Resource[]> {
  const { items } = await client.list<Resource & { involvedObject: { uid: string } }>(EVENTS, { namespace });
  return items.filter(({ involvedObject }) => involvedObject.uid === metadata.uid);
}

/** Quotas and policies are in force a moment after they are written. */
async function untilRefused(): Promise<void> {
  const probe = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace, name: 'probe' } };
  await eventually(
    async () => {
      const created = await client.create(CONFIG_MAPS, probe).catch(() => undefined);
      if (created) await client.delete(CONFIG_MAPS, keyOf(created));
      return created === undefined;
    },
    { timeoutMs: 30_000, description: 'ConfigMaps to be refused' },
  );
}
