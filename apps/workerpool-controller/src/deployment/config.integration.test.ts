import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, DEPLOYMENTS, findCondition } from '@redis-queue/controller';
import { eventually } from '@redis-queue/rig';
import { POOL_LABEL } from '../kubernetes/names.ts';
import type { Deployment } from '../kubernetes/objects.ts';
import { controller, ns, t } from '../testing/controller.ts';
import { applyConfigMap, configHashOf, deploymentThat, ofWorker, PATIENCE, workerOf } from '../testing/deployments.ts';

const reads = (name: string) => ofWorker({ envFrom: [{ configMapRef: { name } }] });

describe('the configuration', () => {
  it('replaces the pods when a ConfigMap changes, and not when another does', async () => {
    await applyConfigMap(t, ns, 'mail', { HOST: 'a' });
    await applyConfigMap(t, ns, 'other', { HOST: 'a' });
    const pool = await t.pool(ns, 'configured', { template: reads('mail') });
    const before = configHashOf(await t.sized(pool, 1));
    const hashes = new Set<string | undefined>();
    controller.manager
      .cache<Deployment>(DEPLOYMENTS, { labelSelector: POOL_LABEL })
      .onChange(
        (_, deployment) => void (deployment.metadata.name === 'configured' && hashes.add(configHashOf(deployment))),
      );
    await applyConfigMap(t, ns, 'other', { HOST: 'b' });
    await applyConfigMap(t, ns, 'mail', { HOST: 'b' });
    const after = configHashOf(await deploymentThat(t, pool, (now) => configHashOf(now) !== before));
    await applyConfigMap(t, ns, 'mail', { HOST: 'a' });
    await deploymentThat(t, pool, (now) => configHashOf(now) === before);
    expect([...hashes]).toEqual([before, after]);
  });

  it('is known from the first pod on, also when ConfigMap and pool are made together', async () => {
    await applyConfigMap(t, ns, 'fresh', { HOST: 'a' });
    const pool = await t.pool(ns, 'together', { replicas: 1, template: reads('fresh') });
    const deployment = await t.sized(pool, 1);
    await eventually(async () => (await t.read(pool)).status?.replicas === 1, PATIENCE);
    expect(configHashOf(await t.deployment(pool))).toBe(configHashOf(deployment));
  });

  it('that is missing is waited for by the pods, and replaces them when it comes and when it goes', async () => {
    const volumes = [{ name: 'c', projected: { sources: [{ configMap: { name: 'late' } }] } }];
    const pool = await t.pool(ns, 'early', { template: { spec: { volumes } } });
    const absent = configHashOf(await t.sized(pool, 1));
    await applyConfigMap(t, ns, 'late', { HOST: 'a' });
    const there = configHashOf(await deploymentThat(t, pool, (now) => configHashOf(now) !== absent));
    await t.client.delete(CONFIG_MAPS, { namespace: ns, name: 'late' });
    const gone = configHashOf(await deploymentThat(t, pool, (now) => configHashOf(now) !== there));
    expect(gone).toBe(absent);
  });

  it('a Secret of a permitted name replaces the pods, and its content is nowhere but in it', async () => {
    await t.secret(ns, { token: 'hunter2' }, 'mail-api');
    const volumes = [{ name: 's', secret: { secretName: 'mail-api' } }];
    const pool = await t.pool(ns, 'secretive', { template: { spec: { volumes } } });
    const before = await t.sized(pool, 1);
    await t.secret(ns, { token: 'hunter3' }, 'mail-api');
    await deploymentThat(t, pool, (now) => configHashOf(now) !== configHashOf(before));
    const everything = [await t.deployment(pool), await t.read(pool), await t.eventsOf(pool), controller.lines];
    expect(JSON.stringify(everything)).not.toMatch(/hunter|aHVudGVy/);
    expect(findCondition((await t.read(pool)).status?.conditions, 'ConfigTracked')).toBeUndefined();
  });

  it('a Secret of another name is passed on, and that its changes go unnoticed is told', async () => {
    const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'private', key: 'token' } } }];
    const pool = await t.pool(ns, 'untracked', { template: ofWorker({ env }) });
    expect(workerOf(await t.sized(pool, 1)).env).toContainEqual(env[0]);
    const told = await t.settled(pool, 'ConfigNotTracked', 'ConfigTracked');
    expect(findCondition(told.status?.conditions, 'ConfigTracked')).toMatchObject({
      status: 'False',
      message: expect.stringMatching(/"private".*workers\.secretNames/) as string,
    });
    await t.change(pool, { template: null });
    await eventually(async () => !findCondition((await t.read(pool)).status?.conditions, 'ConfigTracked'), PATIENCE);
  });

  it('the name in the certificate of Redis reaches the pods', async () => {
    await t.queue(ns, 'secure', { redis: { tls: { enabled: true, serverName: 'redis.internal' } } });
    const pool = await t.pool(ns, 'secured', { queues: ['secure'] });
    expect(workerOf(await t.sized(pool, 1)).env).toContainEqual({
      name: 'REDIS_TLS_SERVER_NAME',
      value: 'redis.internal',
    });
  });
});
