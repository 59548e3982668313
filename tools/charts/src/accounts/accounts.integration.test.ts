import { APP_NAMES } from '@redis-queue/api';
import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Answer, ApiRequest } from './client/account.ts';
import { attempts } from './attempts/all.ts';
import type { Attempt, Manifest, Scene } from './attempts/scene.ts';
import { Stage, WEBHOOKS } from './stage.ts';

// A tenant, or whoever stole a token: what our accounts can do is what our controllers do, whatever RBAC grants them.

const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };
const OLD = {
  spec: {
    hostNetwork: true,
    serviceAccountName: 'admin',
    containers: [{ name: 'worker', securityContext: { privileged: true, allowPrivilegeEscalation: true } }],
    volumes: [{ name: 'host', hostPath: { path: '/data' } }],
  },
};
const POOL = { image: 'registry.example/worker', version: '1', queues: ['emails'], concurrency: 1 };

interface Ready {
  metadata: { finalizers?: string[] };
  status?: { conditions?: { type: string; status: string; reason: string; message: string }[] };
}
interface Scheduled {
  status?: { lastScheduleTime?: string };
}
interface Pods {
  items: { metadata: { name: string; uid: string } }[];
}

/** What has an ended backup go at once. */
const RETAIN = JSON.stringify({ spec: { deletionPolicy: 'Retain', ttlSecondsAfterFinished: 0 } });

let stage: Stage;
let scene: Scene;
const ownWorkRefused: string[] = [];

const result = { tried: 0, passed: 0, ownWorkRefused: 0 };

beforeAll(async () => {
  stage = await Stage.set();
  const { shop, controlPlane, redis, release } = stage;
  const metadata = (name: string, namespace = shop) => ({ name, namespace });
  const secret = (name: string, stringData: object) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(name),
    stringData,
  });
  const labels = { app: 'web' };
  const event = { apiVersion: 'v1', kind: 'Event', involvedObject: { kind: 'Pod', name: 'x', namespace: shop } };
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', spec: {} };
  await controlPlane.apply([
    secret('redis-credentials', { 'redis-url': redis.url }),
    { ...secret('redis-credentials', { 'redis-url': redis.url }), metadata: metadata('redis-credentials', release) },
    secret('redis-controller', { 'redis-url': redis.url }),
    secret('payments', { key: 'secret' }),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('settings'), data: { a: 'b' } },
    { ...event, metadata: metadata('kubelet.1'), reportingComponent: 'kubelet', source: { component: 'kubelet' } },
    { ...lease, metadata: metadata('kube-scheduler', 'kube-system') },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: metadata('web'),
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web' }] } },
      },
    },
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: metadata('web'),
      spec: { maxUnavailable: 1, selector: { matchLabels: labels } },
    },
  ]);
  // Before there were policies: a pool that would be refused today.
  await stage.startControllers();
  await stage.apply('Queue', 'emails', {});
  const finalizers = JSON.stringify({ metadata: { finalizers: ['example.com/wait'] } });
  await controlPlane.kubectl('patch', 'queue', 'emails', '--namespace', shop, '--type=merge', '--patch', finalizers);
  await stage.apply('QueueRedrive', 'again', {
    queueRef: { name: 'emails' },
    suspend: true,
    ttlSecondsAfterFinished: 0,
  });
  // Of a Queue that there is not: they wait.
  const missing = { queues: { names: ['missing'] }, storage: { volume: {} }, ttlSecondsAfterFinished: 0 };
  await stage.apply('QueueBackup', 'nightly', missing);
  await stage.apply('QueueRestore', 'back', {
    from: { backup: { name: 'nightly' } },
    resume: false,
    ttlSecondsAfterFinished: 0,
  });
  await stage.apply('WorkerPool', 'old', { ...POOL, template: OLD });
  await until('old', ({ spec }) => spec.template.spec['hostNetwork'] === true);
  await stage.apply('Queue', 'emails', { name: 'beside' }, release);
  await stage.apply('WorkerPool', 'beside', POOL, release);
  await until('beside', () => true, release);
  await stage.enforce();
  // Two backups that the schedule has left, of which retention deletes the older one, and one at the next minute.
  const backup = { queues: missing.queues, storage: missing.storage };
  for (const name of ['often-1', 'often-2'])
    await stage.apply('QueueBackup', name, { ...backup, activeDeadlineSeconds: 1 }, shop, {
      'redis-queue.io/backup-schedule': 'often',
    });
  const retention = { count: 1 };
  // One that completed, so that it is tried whether it can be restored.
  await stage.apply('QueueBackup', 'often-3', backup, shop, { 'redis-queue.io/backup-schedule': 'often' });
  const completed = JSON.stringify({ status: { phase: 'Completed', completionTime: '2026-01-01T00:00:00Z' } });
  await controlPlane.kubectl(
    'patch',
    'queuebackup',
    'often-3',
    '--namespace',
    shop,
    '--subresource=status',
    '--type=merge',
    `--patch=${completed}`,
  );
  await stage.apply('QueueBackupSchedule', 'often', {
    schedule: '* * * * *',
    retention,
    verify: { mode: 'Restore' },
    template: { spec: backup },
  });
  await stage.apply('WorkerPool', 'workers', {
    ...POOL,
    template: { metadata: { annotations: { 'example.com/team': 'a' } } },
  });
  const deployment = await until('workers', () => true);
  const podOf = (label: string) =>
    eventually(
      async () => {
        const list = await controlPlane.kubectl(
          'get',
          'pods',
          '--namespace',
          shop,
          '--selector',
          label,
          '--output=json',
        );
        return (JSON.parse(list) as Pods).items[0]?.metadata.name;
      },
      { ...PATIENCE, description: `a pod with ${label}` },
    );
  scene = {
    release,
    shop,
    deployment,
    workerPod: await podOf('redis-queue.io/pool=workers'),
    webPod: await podOf('app=web'),
  };
}, 300_000);
afterAll(async () => {
  await stage?.[Symbol.asyncDispose]();
  process.stdout.write(`${JSON.stringify({ ...result, ownWorkRefused: ownWorkRefused.length })}\n`);
});

/** The Deployment of a pool, once it is as wanted. */
function until(name: string, wanted: (deployment: Manifest) => boolean, namespace = stage.shop): Promise<Manifest> {
  return eventually(
    async () => {
      const deployment = await stage.read<Manifest>('deployment', name, namespace);
      return deployment && wanted(deployment) ? deployment : undefined;
    },
    { ...PATIENCE, description: `Deployment ${name}` },
  ).catch(async (error: Error) => {
    const { status } = (await stage.read<Ready>('workerpool', name, namespace)) ?? {};
    throw new Error(`${error.message}; its pool: ${JSON.stringify(status?.conditions)}`);
  });
}

const readyReason = async (resource: string, name: string): Promise<string | undefined> =>
  (await stage.read<Ready>(resource, name))?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
const patchPool = (name: string, patch: object): Promise<string> =>
  stage.controlPlane.kubectl(
    'patch',
    'workerpool',
    name,
    '--namespace',
    stage.shop,
    '--type=merge',
    '--patch',
    JSON.stringify(patch),
  );
/** A user's change of a pool. @throws with what the API server says. */
const change = (name: string, spec: object): Promise<string> => patchPool(name, { spec });

/** The certificate that the webhooks have, and the CAs that the API server trusts for them. */
async function certificates(): Promise<{ secret: Record<string, string>; published: string | undefined }> {
  const secret = await stage.read<{ data?: Record<string, string> }>('secret', WEBHOOKS, stage.release);
  const configuration = await stage.read<{ webhooks: [{ clientConfig: { caBundle?: string } }] }>(
    'validatingwebhookconfiguration',
    `${stage.release}-${WEBHOOKS}`,
  );
  return { secret: secret?.data ?? {}, published: configuration?.webhooks[0].clientConfig.caBundle };
}

it('the queue-controller makes the certificate of its webhooks and publishes its CA, also once it is gone', async () => {
  const arePublished = async (before?: string): Promise<boolean> => {
    const { secret, published } = await certificates();
    const cert = secret['tls.crt'];
    return cert !== undefined && cert !== '' && cert !== before && published === secret['ca.crt'];
  };
  await eventually(() => arePublished(), PATIENCE);
  const { secret } = await certificates();
  const lost = JSON.stringify({ data: { 'tls.crt': null, 'tls.key': null, 'ca.crt': null } });
  const { controlPlane, release } = stage;
  await controlPlane.kubectl('patch', 'secret', WEBHOOKS, '--namespace', release, '--type=merge', '--patch', lost);
  await eventually(() => arePublished(secret['tls.crt']), { ...PATIENCE, description: 'another certificate' });
  const taken = async (): Promise<string> => {
    try {
      await stage.apply('Queue', 'taken', { name: 'emails' });
      return 'created';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const refusal = 'spec.name: Queue emails governs bull:emails in the same Redis already';
  await eventually(async () => (await taken()).includes(refusal), { ...PATIENCE, description: 'the refusal' });
  expect(await stage.read('queue', 'taken')).toBeUndefined();
});

it('all that the controllers do passes: status, finalizers, Deployments, budgets, deletion costs, events, Leases', async () => {
  const { controlPlane, shop, accounts } = stage;
  await stage.apply('Queue', 'temporary', { deletionPolicy: 'DeleteIfEmpty', rateLimits: { maxJobsPerSecond: 5 } });
  await eventually(async () => (await readyReason('queue', 'temporary')) === 'Applied', PATIENCE);
  expect((await stage.read<Ready>('queue', 'temporary'))?.metadata.finalizers).toEqual(['redis-queue.io/queue-data']);
  await controlPlane.kubectl('delete', 'queue', 'temporary', '--namespace', shop, '--timeout=60s');
  await stage.apply('QueueRedrive', 'ended', { queueRef: { name: 'emails' }, ttlSecondsAfterFinished: 0 });
  await eventually(async () => (await stage.read('queueredrive', 'ended')) === undefined, PATIENCE);
  expect(await stage.read('queueredrive', 'again')).toBeDefined();
  // One that fails before it has written anything has no finalizer: there is no volume.
  await stage.apply('QueueBackup', 'ended', {
    queues: { names: ['missing'] },
    storage: { volume: {} },
    deletionPolicy: 'Delete',
    activeDeadlineSeconds: 1,
  });
  await eventually(async () => (await readyReason('queuebackup', 'ended')) === 'DeadlineExceeded', PATIENCE);
  await controlPlane.kubectl('patch', 'queuebackup', 'ended', '--namespace', shop, '--type=merge', `--patch=${RETAIN}`);
  await eventually(async () => (await stage.read('queuebackup', 'ended')) === undefined, PATIENCE);
  await eventually(async () => (await stage.read('queuebackup', 'often-1')) === undefined, PATIENCE);
  await eventually(
    async () => (await stage.read<Scheduled>('queuebackupschedule', 'often'))?.status?.lastScheduleTime !== undefined,
    PATIENCE,
  );
  await eventually(async () => (await stage.read('queuerestore', 'often-3-drill')) !== undefined, PATIENCE);
  expect(await stage.read('poddisruptionbudget', 'workers')).toBeDefined();

  await controlPlane.kubectl('scale', 'workerpool/workers', '--replicas=3', '--namespace', shop);
  await until('workers', ({ spec }) => spec['replicas'] === 3);
  await change('workers', { version: '2' });
  await until('workers', ({ spec }) => JSON.stringify(spec).includes('registry.example/worker:2'));
  await controlPlane.kubectl('label', 'deployment/workers', 'redis-queue.io/pool-', '--namespace', shop);
  await change('workers', { version: '3', replicas: 2 });
  const repaired = await until(
    'workers',
    ({ spec, metadata }) => spec['replicas'] === 2 && metadata.labels?.['redis-queue.io/pool'] === 'workers',
  );
  expect(JSON.stringify(repaired.spec)).toContain('registry.example/worker:3');

  // As the consumer writes it when a decision shrinks a pool.
  const cost = { metadata: { annotations: { 'controller.kubernetes.io/pod-deletion-cost': '7' } } };
  const pod = `/api/v1/namespaces/${shop}/pods/${scene.workerPod}?fieldManager=redis-queue-scale`;
  const written = await accounts['workerpool-controller'].send({ method: 'PATCH', path: pod, body: cost });
  if (written.code !== 200) ownWorkRefused.push(written.message);
  expect(written).toEqual({ code: 200, message: '' });
  const events = await controlPlane.kubectl(
    'get',
    'events',
    '--namespace',
    shop,
    '--output=name',
    '--field-selector=involvedObject.kind=WorkerPool',
  );
  expect(events).not.toBe('');
  for (const app of APP_NAMES)
    expect(await controlPlane.kubectl('get', 'lease', `rq-${app}`, '--namespace', stage.release)).toContain(`${app}-0`);
  expect(stage.refusals()).toEqual([]);
}, 240_000);

it('a pool that is older than the policy is scaled, rolled out and deleted; it may become better, not worse', async () => {
  const { controlPlane, shop } = stage;
  await controlPlane.kubectl('scale', 'workerpool/old', '--replicas=2', '--namespace', shop);
  await until('old', ({ spec }) => spec['replicas'] === 2);
  await change('old', { version: '2' });
  await until('old', ({ spec }) => JSON.stringify(spec).includes('registry.example/worker:2'));
  await change('old', { template: { metadata: { annotations: { 'example.com/a': 'b' } } } });
  await until('old', ({ spec }) => JSON.stringify(spec).includes('example.com/a'));
  await expect(change('old', { template: { spec: { hostPID: true } } })).rejects.toThrow('hostPID');
  await change('old', { template: { spec: { hostNetwork: null } } });
  await until('old', ({ spec }) => spec.template.spec['hostNetwork'] !== true);
  await expect(change('old', { template: { spec: { hostNetwork: true } } })).rejects.toThrow('hostNetwork');

  await patchPool('old', { metadata: { finalizers: ['example.com/wait'] } });
  await controlPlane.kubectl('delete', 'workerpool', 'old', '--namespace', shop, '--wait=false');
  await change('old', { template: { spec: { hostIPC: true } } });
  await patchPool('old', { metadata: { finalizers: null } });
  await eventually(async () => (await stage.read('workerpool', 'old')) === undefined, PATIENCE);
  expect(stage.refusals()).toEqual([]);
}, 240_000);

it('in an excluded namespace a pool from before is still sized; what is refused, its status says with the value to set', async () => {
  const { controlPlane, release } = stage;
  await controlPlane.kubectl('scale', 'workerpool/beside', '--replicas=2', '--namespace', release);
  await until('beside', ({ spec }) => spec['replicas'] === 2, release);
  expect(stage.refusals()).toEqual([]);

  await stage.apply('WorkerPool', 'beside', { ...POOL, version: '2', replicas: 2 }, release);
  await stage.apply('WorkerPool', 'new', POOL, release);
  for (const name of ['beside', 'new']) {
    const ready = await eventually(
      async () => {
        const pool = await stage.read<Ready>('workerpool', name, release);
        const found = pool?.status?.conditions?.find(({ type }) => type === 'Ready');
        return found?.message.includes('admission.excludedNamespaces') ? found : undefined;
      },
      { timeoutMs: 10_000, description: `status of ${name} to say why` },
    );
    expect(ready.status).toBe('False');
  }
});

it('a stolen token does nothing else, whether rights or a policy stand in the way', async () => {
  await stage.stopControllers();
  ownWorkRefused.push(...stage.refusals().filter((line) => !line.includes('admission.excludedNamespaces')));
  expect(ownWorkRefused).toEqual([]);
  const list = attempts(scene);
  expect(list.length).toBeGreaterThan(100);
  const { passed, otherwise } = await tryAll(list, ({ code }) => code === 403);
  expect(passed).toEqual([]);
  expect(otherwise).toEqual([]);
}, 240_000);

it('with all rights of an administrator it does nothing else either, and the requests are good ones', async () => {
  await stage.asAdministrators(true);
  const list = attempts(scene).filter(({ rightsAlone }) => !rightsAlone);
  const { passed, otherwise } = await tryAll(list, isDenial);
  expect(passed).toEqual([]);
  expect(otherwise).toEqual([]);
  // The same from somebody who may: it is the account that is refused, not a slip in the request.
  const slips: string[] = [];
  for (const { what, request } of list) {
    const { code, message } = await stage.administrator.send(dry(request));
    if (code >= 300) slips.push(`${what}: ${code} ${message}`);
  }
  expect(slips).toEqual([]);
}, 240_000);

it('with workers.replaceStuck it may have pods of pools go that a ReplicaSet replaces, and no others', async () => {
  const { shop, accounts, controlPlane } = stage;
  await stage.asAdministrators(false);
  await stage.letReplaceStuck();
  const send = (method: 'POST' | 'DELETE', path: string, body?: object) =>
    accounts['workerpool-controller'].send({
      method,
      path: `/api/v1/namespaces/${shop}/pods/${path}`,
      ...(body && { body }),
    });
  const eviction = (name: string) => ({
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: shop },
  });
  // Right and policy are in force once this passes; that no disruption is allowed now is the answer of a budget.
  const asked = await eventually(async () => {
    const answer = await send('POST', `${scene.workerPod}/eviction?dryRun=All`, eviction(scene.workerPod));
    return answer.code === 403 ? undefined : answer;
  }, PATIENCE);
  expect([201, 429]).toContain(asked.code);
  const refused: [string, Answer][] = [
    ['an eviction that is none', await send('POST', `${scene.workerPod}/eviction`, eviction(scene.workerPod))],
    ['a foreign pod', await send('DELETE', `${scene.webPod}?dryRun=All`)],
  ];
  await controlPlane.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'alone', namespace: shop, labels: { 'redis-queue.io/pool': 'workers' } },
    spec: { containers: [{ name: 'a', image: 'registry.example/a' }] },
  });
  refused.push(['a pod that nobody replaces', await send('DELETE', 'alone?dryRun=All')]);
  for (const [what, answer] of refused)
    expect([what, answer.message, isDenial(answer)]).toEqual([what, answer.message, true]);
  expect((await send('DELETE', `${scene.workerPod}?dryRun=All`)).code).toBe(200);
}, 120_000);

/** By a rule of a policy that was decided, not by one that failed. */
const isDenial = ({ code, message }: Answer): boolean =>
  code === 403 && message.includes('denied request') && !message.includes('resulted in error');

/** Tries each once: what passed, and what was refused otherwise than expected. */
async function tryAll(list: readonly Attempt[], refused: (answer: Answer) => boolean) {
  const passed: string[] = [];
  const otherwise: string[] = [];
  for (const { who, what, request } of list) {
    const answer = await stage.accounts[who].send(dry(request));
    if (answer.code < 300) passed.push(`${who} ${what}`);
    else if (!refused(answer)) otherwise.push(`${who} ${what}: ${answer.code} ${answer.message}`);
  }
  result.tried += list.length;
  result.passed += passed.length;
  return { passed, otherwise };
}

/** What passes must not spoil the stage for what comes after it. */
function dry(request: ApiRequest): ApiRequest {
  if (request.method === 'GET' || request.path.includes('/exec')) return request;
  return { ...request, path: `${request.path}${request.path.includes('?') ? '&' : '?'}dryRun=All` };
}
