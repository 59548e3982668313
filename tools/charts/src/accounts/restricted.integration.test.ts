import { eventually } from '@redis-queue/rig';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Manifest } from './attempts/scene.ts';
import { Stage } from './stage.ts';

const PATIENCE = { timeoutMs: 60_000, intervalMs: 100 };
const POOL = { image: 'registry.example/worker', version: '1', queues: ['emails'], concurrency: 1 };

interface Conditioned {
  status?: { conditions?: { type: string; reason: string }[] };
}

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.set({ restricted: true });
  await stage.enforce();
}, 300_000);
afterAll(() => stage?.[Symbol.asyncDispose]());

it('controllers of two namespaces work there with Roles alone, and know nothing of a third', async () => {
  const { shop, crm, redis, controlPlane, release } = stage;
  const other = await controlPlane.createNamespace('other');
  const redisUrl = { 'redis-url': redis.url };
  for (const namespace of [shop, crm, other]) {
    const metadata = { name: 'redis-credentials', namespace };
    await controlPlane.apply({ apiVersion: 'v1', kind: 'Secret', metadata, stringData: redisUrl });
    await stage.apply('Queue', 'emails', { name: `emails-${namespace}`, globalConcurrency: 3 }, namespace);
    await stage.apply('WorkerPool', 'workers', POOL, namespace);
  }
  await stage.startControllers();
  const readyReason = async (namespace: string): Promise<string | undefined> => {
    const queue = await stage.read<Conditioned>('queue', 'emails', namespace);
    return queue?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  };
  for (const namespace of [shop, crm]) {
    await eventually(async () => (await readyReason(namespace)) === 'Applied', PATIENCE);
    await eventually(() => stage.read<Manifest>('deployment', 'workers', namespace), PATIENCE);
    expect(await stage.read('poddisruptionbudget', 'workers', namespace)).toBeDefined();
  }
  await controlPlane.kubectl('scale', 'workerpool/workers', '--replicas=3', '--namespace', crm);
  const scaled = async () => (await stage.read<Manifest>('deployment', 'workers', crm))?.spec['replicas'] === 3;
  await eventually(scaled, PATIENCE);

  expect(await readyReason(other)).toBe('Pending');
  expect(await stage.read('deployment', 'workers', other)).toBeUndefined();
  expect(stage.refusals()).toEqual([]);
  const roles = await controlPlane.kubectl('get', 'clusterrolebindings', '--output=json');
  expect(roles).not.toContain(release);
}, 240_000);

it('a namespace that goes takes no other with it, also over a restart', async () => {
  const { shop, crm, controlPlane } = stage;
  await controlPlane.kubectl('delete', 'namespace', shop, '--timeout=60s');
  await stage.stopControllers();
  await stage.startControllers();
  await stage.apply('WorkerPool', 'workers', { ...POOL, version: '2' }, crm);
  const rolledOut = async (): Promise<boolean> =>
    JSON.stringify(await stage.read<Manifest>('deployment', 'workers', crm)).includes('registry.example/worker:2');
  await eventually(rolledOut, PATIENCE);
  expect(await stage.read('workerpool', 'workers', crm)).toBeDefined();
}, 240_000);
