import { CONFIG_MAPS, SECRETS, type Manager, type Resource } from '@redis-queue/controller';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventually } from '../waiting/eventually.ts';
import { startRig, type Rig } from './rig.ts';

interface ConfigMap extends Resource {
  data?: Record<string, string>;
}

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ redis: { password: 'hunter2' } });
});
afterAll(() => rig?.[Symbol.asyncDispose]());

/** Answers every ConfigMap that asks. */
function wireEcho(manager: Manager): void {
  manager.controller<ConfigMap>({
    name: 'echo',
    type: CONFIG_MAPS,
    reconcile: async ({ key, object, log }) => {
      if (!object?.data?.['question'] || object.data['answer']) return;
      log.info('answering');
      await manager.client.mergePatch(CONFIG_MAPS, key, { data: { answer: object.data['question'] } });
    },
  });
}

async function ask(namespace: string, name: string): Promise<ConfigMap> {
  const question = { metadata: { namespace, name }, data: { question: name } };
  return await rig.client.apply<ConfigMap>(CONFIG_MAPS, question, { fieldManager: 'test', force: true });
}

const answer = async (question: ConfigMap): Promise<string | undefined> =>
  (await rig.objects.read(CONFIG_MAPS, question)).data?.['answer'];

it('runs a controller by its wire function, with its lines and metrics, until it is stopped', async () => {
  const namespace = await rig.namespace();
  const controller = await rig.controller(wireEcho, { name: 'echo-controller' });
  const first = await ask(namespace, 'first');
  expect(await eventually(() => answer(first))).toBe('first');
  expect(controller.lines.some((line) => line.includes('answering'))).toBe(true);
  expect(await controller.sumOf(/^controller_runtime_reconcile_total\{/)).toBeGreaterThan(0);
  await controller.stop();

  const second = await ask(namespace, 'second');
  const next = await rig.controller(wireEcho);
  expect(await eventually(() => answer(second))).toBe('second');
  await next.stop();
  expect(controller.lines.some((line) => line.includes('second'))).toBe(false);
});

it('gives a namespace the credentials of its Redis, or those that it is asked for', async () => {
  const url = async (namespace: string): Promise<string> => {
    const secret = await rig.client.get<ConfigMap>(SECRETS, { namespace, name: 'redis-credentials' });
    return Buffer.from(secret?.data?.['redis-url'] ?? '', 'base64').toString();
  };
  expect(await url(await rig.namespace())).toBe(rig.redis.url);
  expect(await url(await rig.namespace('other', { 'redis-url': 'redis://elsewhere' }))).toBe('redis://elsewhere');
  expect(rig.bus).toBe(rig.redis);
});
