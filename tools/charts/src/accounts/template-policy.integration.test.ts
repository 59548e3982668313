import { eventually, startControlPlane, type ControlPlane } from '@redis-queue/rig';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chartFolder, render } from '../rendering/helm.ts';
import { Account, type Answer } from './client/account.ts';

// A tenant is hostile: what spec.template may ask for, whoever writes it.

let controlPlane: ControlPlane;
let namespace: string;
let user: Account;

/** Installs the chart of the definitions with these values of its policy. */
async function install(template: object): Promise<void> {
  const items = await render(chartFolder('redis-queue-crds'), { values: { template } });
  await controlPlane.apply({ apiVersion: 'v1', kind: 'List', items });
}

const poolsPath = (): string => `/apis/redis-queue.io/v1/namespaces/${namespace}/workerpools`;
const poolOf = (template: unknown, name = 'workers'): object => ({
  apiVersion: 'redis-queue.io/v1',
  kind: 'WorkerPool',
  metadata: { name },
  spec: { image: 'registry.example/worker', version: '1', queues: ['emails'], template },
});
const create = (template: unknown, name?: string, query = ''): Promise<Answer> =>
  user.send({ method: 'POST', path: poolsPath() + query, body: poolOf(template, name) });
const check = (template: unknown): Promise<Answer> => create(template, undefined, '?dryRun=All');
const change = (name: string, body: object): Promise<Answer> =>
  user.send({ method: 'PATCH', path: `${poolsPath()}/${name}`, body });

const enforced = async (): Promise<boolean> => (await check({ spec: { hostNetwork: true } })).code === 422;

beforeAll(async () => {
  controlPlane = await startControlPlane({ crds: true, controllerManager: false });
  namespace = await controlPlane.createNamespace('shop');
  user = Account.administrator(controlPlane);
  await create(OLD, 'old');
  await create({ spec: { containers: 'text', volumes: [null] } }, 'malformed');
  await install({ serviceAccountNames: ['worker'], refusedSecretNames: ['redis-controller'] });
  await eventually(enforced, { timeoutMs: 30_000, description: 'the policy to be in force' });
});
afterAll(() => controlPlane?.stop());

const container = (fields: object, name = 'worker') => ({ spec: { containers: [{ name, ...fields }] } });
const volume = (source: object) => ({ spec: { volumes: [{ name: 'v', ...source }] } });
const env = (name: string) => [{ name: 'A', valueFrom: { secretKeyRef: { name, key: 'a' } } }];
const projected = (...sources: object[]) => volume({ projected: { sources } });
const OLD = {
  spec: {
    hostNetwork: true,
    serviceAccountName: 'admin',
    automountServiceAccountToken: true,
    containers: [
      { name: 'worker', securityContext: { privileged: true }, env: env('redis-controller') },
      { name: 'proxy', image: 'proxy', securityContext: { capabilities: { add: ['SYS_ADMIN'] } } },
    ],
    volumes: [{ name: 'host', hostPath: { path: '/data' } }],
  },
};

describe('by default the API server refuses', () => {
  it.each<[string, unknown, string]>([
    ['a privileged worker', container({ securityContext: { privileged: true } }), 'privileged'],
    [
      'a privileged init container',
      { spec: { initContainers: [{ name: 'i', securityContext: { privileged: true } }] } },
      'privileged',
    ],
    [
      'a process of the host on Windows',
      { spec: { securityContext: { windowsOptions: { hostProcess: true } } } },
      'privileged',
    ],
    ['hostNetwork', { spec: { hostNetwork: true } }, 'hostNamespaces'],
    ['hostPID', { spec: { hostPID: true } }, 'hostNamespaces'],
    ['hostIPC', { spec: { hostIPC: true } }, 'hostNamespaces'],
    ['a hostPath', volume({ hostPath: { path: '/' } }), 'hostPath'],
    ['a capability', container({ securityContext: { capabilities: { add: ['NET_ADMIN'] } } }, 'proxy'), 'capabilities'],
    ['ephemeral containers', { spec: { ephemeralContainers: [{ name: 'e' }] } }, 'ephemeralContainers'],
    ['a ServiceAccount', { spec: { serviceAccountName: 'admin' } }, 'template.serviceAccountNames'],
    ['a ServiceAccount by its old field', { spec: { serviceAccount: 'admin' } }, 'template.serviceAccountNames'],
    ['a token', { spec: { automountServiceAccountToken: true } }, 'tokens'],
    ['a projected token', projected({ serviceAccountToken: { path: 't' } }), 'tokens'],
    ['a refused Secret in a variable', container({ env: env('redis-controller') }), 'template.refusedSecretNames'],
    [
      'a refused Secret as variables',
      container({ envFrom: [{ secretRef: { name: 'redis-controller' } }] }),
      'template.refusedSecretNames',
    ],
    ['a refused Secret as a volume', volume({ secret: { secretName: 'redis-controller' } }), 'refusedSecretNames'],
    [
      'a refused Secret as a part of a volume',
      projected({ secret: { name: 'redis-controller' } }),
      'refusedSecretNames',
    ],
    [
      'a refused Secret for a driver',
      volume({ csi: { driver: 'd', nodePublishSecretRef: { name: 'redis-controller' } } }),
      'refusedSecretNames',
    ],
    [
      'a refused Secret for a driver of old',
      volume({ flexVolume: { driver: 'd', secretRef: { name: 'redis-controller' } } }),
      'refusedSecretNames',
    ],
    [
      'a refused Secret to pull images',
      { spec: { imagePullSecrets: [{ name: 'redis-controller' }] } },
      'refusedSecretNames',
    ],
    ['a text for the containers', { spec: { containers: 'text' } }, 'spec.template has to be a pod template'],
    ['a text for a container', { spec: { containers: ['text'] } }, 'spec.template has to be a pod template'],
    ['a text for the spec', { spec: 'text' }, 'spec.template has to be a pod template'],
    ['nothing for a volume', { spec: { volumes: [null] } }, 'spec.template has to be a pod template'],
  ])('%s', async (_, template, why) => {
    const { code, message } = await check(template);
    expect(code).toBe(422);
    expect(message).toContain(why);
    expect(message).not.toContain('resulted in error');
  });
});

describe('the API server accepts', () => {
  it.each<[string, unknown]>([
    ['nothing', {}],
    ['metadata alone', { metadata: { annotations: { a: 'b' } } }],
    ['what is said to be off', { spec: { hostNetwork: false, automountServiceAccountToken: false } }],
    [
      'the capability to listen on low ports',
      container({ securityContext: { capabilities: { add: ['NET_BIND_SERVICE'] } } }),
    ],
    ['the default ServiceAccount', { spec: { serviceAccountName: 'default' } }],
    ['a ServiceAccount on the list', { spec: { serviceAccountName: 'worker' } }],
    ['another Secret', container({ env: env('mail-api') })],
    ['a Secret as a volume', volume({ secret: { secretName: 'mail-api' } })],
    ['an emptyDir', volume({ emptyDir: {} })],
  ])('%s', async (_, template) => {
    expect(await check(template)).toEqual({ code: 201, message: '' });
  });

  it('a template of a megabyte, within the cost that a policy may have', async () => {
    const many = Array.from({ length: 7_000 }, (_, n) => ({ name: `V${n}`, value: 'x'.repeat(100) }));
    const template = container({ env: many });
    expect(await create(template, 'large')).toEqual({ code: 201, message: '' });
    const more = container({ env: [...many, { name: 'ONE', value: 'more' }] });
    expect(await change('large', { spec: { template: more } })).toEqual({ code: 200, message: '' });
    expect(await change('large', { metadata: { finalizers: ['example.com/wait'] } })).toEqual({
      code: 200,
      message: '',
    });
    expect(await change('large', { metadata: { finalizers: null } })).toEqual({ code: 200, message: '' });
  });
});

describe('a pool that is older than the policy', () => {
  it('takes every change that leaves the template as it is: spec, finalizers, scale, status', async () => {
    expect(await change('old', { spec: { version: '2' } })).toMatchObject({ code: 200 });
    expect(await change('old', { metadata: { finalizers: ['example.com/wait'] } })).toMatchObject({ code: 200 });
    expect(await change('old/scale', { spec: { replicas: 5 } })).toMatchObject({ code: 200 });
    expect(await change('old/status', { status: { replicas: 5 } })).toMatchObject({ code: 200 });
    expect(await change('malformed', { spec: { version: '2' } })).toMatchObject({ code: 200 });
  });

  it('takes changes of the template beside what violates it, and changes for the better', async () => {
    const { spec } = OLD;
    const [worker, proxy] = spec.containers;
    const beside = { ...worker, args: ['--verbose'] };
    expect(await change('old', { spec: { template: { spec: { ...spec, containers: [beside, proxy] } } } })).toEqual({
      code: 200,
      message: '',
    });
    expect(await change('old', { spec: { template: { spec: { containers: [beside] } } } })).toMatchObject({
      code: 200,
    });
    expect(await change('malformed', { spec: { template: { spec: { containers: [], volumes: [] } } } })).toMatchObject({
      code: 200,
    });
  });

  it.each<[string, object, string]>([
    [
      'another privileged container',
      { containers: [{ name: 'b', securityContext: { privileged: true } }] },
      'privileged',
    ],
    ['one more of the namespaces', { hostPID: true }, 'hostNamespaces'],
    ['another hostPath', { volumes: [{ name: 'host', hostPath: { path: '/' } }] }, 'hostPath'],
    ['another account', { serviceAccountName: 'root' }, 'serviceAccountNames'],
    ['its privilege once it has given it away', { containers: OLD.spec.containers }, 'capabilities'],
  ])('does not take %s', async (_, spec, why) => {
    const { code, message } = await change('old', { spec: { template: { spec } } });
    expect(code).toBe(422);
    expect(message).toContain(why);
  });

  it('takes everything once it is being deleted', async () => {
    await user.send({ method: 'DELETE', path: `${poolsPath()}/old` });
    expect(await change('old', { spec: { template: { spec: { hostIPC: true } } } })).toMatchObject({ code: 200 });
    expect(await change('old', { metadata: { finalizers: null } })).toMatchObject({ code: 200 });
  });
});

it('values allow what they name', async () => {
  await install({
    allow: ['privileged', 'hostNamespaces', 'hostPath', 'capabilities', 'ephemeralContainers', 'tokens'],
    serviceAccountNames: ['admin'],
  });
  const allowed = async (): Promise<boolean> => (await check(OLD)).code === 201;
  await eventually(allowed, { timeoutMs: 30_000, description: 'the new policy to be in force' });
  expect(await check({ spec: { ephemeralContainers: [{ name: 'e' }] } })).toMatchObject({ code: 201 });
  expect(await check({ spec: { serviceAccountName: 'root' } })).toMatchObject({ code: 422 });
});
