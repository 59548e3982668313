import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  eventually,
  FAULTS,
  startApiProxy,
  startControlPlane,
  temporaryFolder,
  type ControlPlane,
  type Intercept,
} from '@redis-queue/rig';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { KubeClient } from '../client/kube-client.ts';
import { loadKubeClient } from '../client/load.ts';
import { createLog } from '../manager/log.ts';
import { DEPLOYMENTS, keyOf, type ResourceType } from '../objects/resources.ts';
import { installWidgets, widget, WIDGETS, type Widget } from '../testing/widgets.ts';
import { releaseFinalizers, type HeldKind, type ReleaseOptions } from './release-finalizers.ts';

const OURS = 'test.example/ours';
const OTHERS = 'other.example/wait';
const HELD: HeldKind = { type: WIDGETS, finalizer: OURS, leaves: 'its box stays' };

let controlPlane: ControlPlane;
let client: KubeClient;
let namespace: string;
beforeAll(async () => {
  controlPlane = await startControlPlane({ controllerManager: false });
  client = loadKubeClient({ kubeconfigPath: controlPlane.kubeconfigPath });
  await installWidgets(controlPlane);
});
afterAll(async () => {
  await client?.close();
  await controlPlane?.stop();
});
beforeEach(async () => {
  namespace = await controlPlane.createNamespace('release');
});

function create(name: string, finalizers: string[] = [OURS], within = namespace): Promise<Widget> {
  const { metadata, ...rest } = widget(within, name);
  return client.create(WIDGETS, { ...rest, metadata: { ...metadata, finalizers } });
}

/** The Widgets of a namespace with their finalizers. */
async function finalizersIn(within = namespace): Promise<Record<string, string[]>> {
  const { items } = await client.list<Widget>(WIDGETS, { namespace: within });
  return Object.fromEntries(items.map(({ metadata: { name, finalizers: held = [] } }) => [name, held]));
}

/** Lets the Widgets of the test go, by default without waits between the passes. */
async function release(options: Partial<ReleaseOptions> = {}) {
  const lines: { level: string; object?: string; msg: string }[] = [];
  const log = createLog({ name: 'test', write: (line) => lines.push(JSON.parse(line) as (typeof lines)[number]) });
  const all = {
    client,
    log,
    namespaces: [namespace],
    signal: AbortSignal.timeout(150_000),
    pause: async () => undefined,
  };
  return { done: await releaseFinalizers([HELD], { ...all, ...options }), lines };
}

/** A client by way of a proxy that may answer in place of the API server. */
async function through(intercept: Intercept, requestTimeoutMs?: number) {
  const proxy = await startApiProxy(controlPlane, intercept);
  const own = loadKubeClient({ kubeconfigPath: proxy.kubeconfigPath, requestTimeoutMs });
  return {
    proxy,
    client: own,
    async [Symbol.asyncDispose]() {
      await own.close();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

it('takes off its own finalizer alone, of living objects and of those that are being deleted, which go', async () => {
  const other = await controlPlane.createNamespace('other');
  await Promise.all([
    create('living', [OURS, OTHERS]),
    create('leaving'),
    create('free', [OTHERS]),
    create('elsewhere', [OURS], other),
  ]);
  await client.delete(WIDGETS, { namespace, name: 'leaving' });
  const { done, lines } = await release();
  expect(done).toBe(true);
  expect(await finalizersIn()).toEqual({ living: [OTHERS], free: [OTHERS] });
  expect(await finalizersIn(other)).toEqual({ elsewhere: [OURS] });
  const said = lines.flatMap(({ object, msg }) => (object === undefined ? [] : [`${object}: ${msg}`]));
  expect(said.toSorted()).toEqual([
    `${namespace}/leaving: finalizer taken off: it was being deleted; its box stays`,
    `${namespace}/living: finalizer taken off: its box stays`,
  ]);
  expect((await release({ namespaces: undefined })).done).toBe(true);
  expect(await finalizersIn(other)).toEqual({ elsewhere: [] });
});

it('finds ours among finalizers that are more than a cache holds and shorter, and keeps all of those', async () => {
  const others = Array.from({ length: 700 }, (_, index) => `x.example/${index + 100}`);
  await create('crowded', [...others, OURS]);
  expect((await release()).done).toBe(true);
  expect(await finalizersIn()).toEqual({ crowded: others });
});

it('ends at once where there is no object at all', async () => {
  const pauses: number[] = [];
  const pause = async (ms: number): Promise<void> => void pauses.push(ms);
  expect((await release({ pause })).done).toBe(true);
  expect(pauses).toEqual([]);
});

/** A Deployment as a chart has one, held by a finalizer so that it can be found while it is deleted. */
const deploymentOf = (name: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, finalizers: [OTHERS] },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'app', image: 'app' }] } },
  },
});

it('nothing is done while the controller is installed, and all once its Deployment is being deleted', async () => {
  await create('living');
  const unlessDeployment = { namespace, name: 'controller' };
  await client.create(DEPLOYMENTS, deploymentOf('controller'));
  const installed = await release({ unlessDeployment });
  expect(installed.done).toBe(true);
  expect(installed.lines).toMatchObject([
    { level: 'warn', deployment: `${namespace}/controller`, msg: expect.stringContaining('--no-hooks') as string },
  ]);
  expect(await finalizersIn()).toEqual({ living: [OURS] });
  await client.delete(DEPLOYMENTS, unlessDeployment);
  expect((await release({ unlessDeployment })).done).toBe(true);
  expect(await finalizersIn()).toEqual({ living: [] });
});

it('nothing is done while it is not known whether the controller is gone, as before the right to see that is there', async () => {
  await create('living');
  const grant = async (name: string, rule: string): Promise<void> => {
    await controlPlane.kubectl('create', 'role', name, `--namespace=${namespace}`, ...rule.split(' '));
    await controlPlane.kubectl(
      'create',
      'rolebinding',
      name,
      `--namespace=${namespace}`,
      `--role=${name}`,
      '--user=hook',
    );
  };
  await grant('release', '--verb=get,list,patch --resource=widgets.test.example');
  const config = JSON.parse(readFileSync(controlPlane.kubeconfigPath, 'utf8')) as { users: { user: object }[] };
  Object.assign(config.users[0]!.user, { as: 'hook' });
  const kubeconfigPath = join(temporaryFolder('hook'), 'kubeconfig');
  writeFileSync(kubeconfigPath, JSON.stringify(config));
  const hook = loadKubeClient({ kubeconfigPath });
  try {
    const options = { client: hook, unlessDeployment: { namespace, name: 'controller' } };
    const unknown = await release(options);
    expect(unknown.done).toBe(false);
    expect(unknown.lines).toMatchObject([{ level: 'error', deployment: `${namespace}/controller` }]);
    expect(await finalizersIn()).toEqual({ living: [OURS] });
    const pauses: number[] = [];
    const pause = async (ms: number): Promise<void> => {
      if (pauses.push(ms) === 2)
        await grant('see', '--verb=get --resource=deployments.apps --resource-name=controller');
    };
    await eventually(async () => (await release({ ...options, pause })).done);
    expect(pauses.slice(0, 2)).toEqual([1_000, 2_000]);
    expect(await finalizersIn()).toEqual({ living: [] });
  } finally {
    await hook.close();
  }
});

it('of a kind that is not served any more nothing is held', async () => {
  const type: ResourceType = { ...WIDGETS, plural: 'gadgets', kind: 'Gadget' };
  const log = createLog({ name: 'test', write: () => undefined });
  const signal = AbortSignal.timeout(10_000);
  expect(await releaseFinalizers([{ ...HELD, type }], { client, log, signal })).toBe(true);
});

it('1,000 objects are listed in pages, and written with no more than a third of the requests in one namespace', async () => {
  const names = Array.from({ length: 1_000 }, (_, index) => `w-${index}`);
  await Promise.all(names.map((name) => create(name)));
  let [lists, writing, most] = [0, 0, 0];
  await using own = await through(async (write) => {
    most = Math.max(most, ++writing);
    // As long as it takes the API server to answer something else: others would overtake.
    await client.get(WIDGETS, { namespace, name: write.name });
    writing--;
    return undefined;
  });
  own.client.transport.observe(({ verb }) => void (verb === 'list' && lists++));
  const { done, lines } = await release({ client: own.client });
  expect(done).toBe(true);
  expect(Object.values(await finalizersIn()).flat()).toEqual([]);
  expect(own.proxy.writes).toHaveLength(1_000);
  expect(lists).toBe(4);
  expect(most).toBeLessThanOrEqual(8);
  expect(lines.length).toBeLessThanOrEqual(1_002);
});

it('goes on with what somebody changed meanwhile, and keeps the change', async () => {
  await create('changed');
  let changes = 0;
  await using own = await through(async ({ name }) => {
    if (changes++ < 2)
      await client.mergePatch(WIDGETS, { namespace, name }, { metadata: { labels: { n: `${changes}` } } });
    return undefined;
  });
  expect((await release({ client: own.client })).done).toBe(true);
  const changed = await client.get<Widget>(WIDGETS, { namespace, name: 'changed' });
  expect(changed?.metadata).toMatchObject({ labels: { n: '2' } });
  expect(changed?.metadata.finalizers).toBeUndefined();
  expect(own.proxy.writes.map(({ code }) => code)).toEqual([409, 409, 200]);
});

it('tries again what was refused, as rights may have only just been granted', async () => {
  await create('refused');
  let refusals = 2;
  await using own = await through((write) => (refusals-- > 0 ? FAULTS['no right'](write) : undefined));
  const pauses: number[] = [];
  const pause = async (ms: number): Promise<void> => void pauses.push(ms);
  expect((await release({ client: own.client, pause })).done).toBe(true);
  expect(await finalizersIn()).toEqual({ refused: [] });
  expect(pauses).toEqual([1_000, 2_000, 4_000]);
});

it('what stays refused is named in the end, and everything else has gone', async () => {
  await Promise.all([create('refused'), create('granted')]);
  await using own = await through((write) => (write.name === 'refused' ? FAULTS['no right'](write) : undefined));
  const { done, lines } = await release({ client: own.client });
  expect(done).toBe(false);
  expect(await finalizersIn()).toEqual({ refused: [OURS], granted: [] });
  expect(lines.at(-1)).toMatchObject({ level: 'error', failed: 1, first: [`Widget ${namespace}/refused`] });
});

// Wall 1: a tenant may have a webhook for its namespace that answers nothing.
it('a namespace whose writes hang delays no other, and not the end either', async () => {
  const hanging = await controlPlane.createNamespace('hanging');
  const names = Array.from({ length: 60 }, (_, index) => `w-${index}`);
  await Promise.all([create('beside'), ...names.map((name) => create(name, [OURS], hanging))]);
  await using own = await through((write) => (write.namespace === hanging ? FAULTS['no answer']() : undefined), 600);
  const { done } = await release({ client: own.client, namespaces: [hanging, namespace] });
  expect(done).toBe(false);
  expect(await finalizersIn()).toEqual({ beside: [] });
  // Five passes of eight at once, and not sixty writes in each.
  expect(own.proxy.writes.filter(({ namespace: written }) => written === hanging).length).toBeLessThanOrEqual(5 * 10);
});

it('ends with a failure when the API server answers nothing, and at once at its deadline', async () => {
  await create('unseen');
  await using own = await through(() => undefined, 200);
  own.proxy.hang('everything');
  const { done, lines } = await release({ client: own.client });
  expect(done).toBe(false);
  expect(lines.at(-1)).toMatchObject({ level: 'error', first: [`widgets.test.example in ${namespace}`] });
  const late = new AbortController();
  const pause = async (): Promise<void> => late.abort(new Error('late'));
  expect((await release({ client: own.client, signal: late.signal, pause })).done).toBe(false);
  own.proxy.answerAgain();
});

it('a controller that still runs and adds it again is no failure', async () => {
  const created = await create('alive');
  const again = { metadata: { finalizers: [OURS] } };
  const pause = async (): Promise<void> => void (await client.mergePatch(WIDGETS, keyOf(created), again));
  const { done, lines } = await release({ pause });
  expect(done).toBe(true);
  expect(lines.at(-1)).toMatchObject({ level: 'warn', released: 5 });
});
