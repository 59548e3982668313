import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CONFIG_MAPS, DEPLOYMENTS, findCondition } from '@redis-queue/controller';
import { createAuthority, eventually, issueCertificate, temporaryFolder } from '@redis-queue/rig';
import { POOL_LABEL, SECRET_ANNOTATION } from '../kubernetes/names.ts';
import type { PackedDeployment } from '../kubernetes/objects.ts';
import { controllerRig } from '../testing/controller.ts';
import { applyConfigMap, configHashOf, deploymentThat, ofWorker, PATIENCE, workerOf } from '../testing/deployments.ts';
import { packedDeployment, unpackedDeployment } from '../kubernetes/cached-objects.ts';

const rig = controllerRig();

interface PodTemplate {
  readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
}

const text = (path: string): string => readFileSync(path, 'utf8');
const reads = (name: string) => ofWorker({ envFrom: [{ configMapRef: { name } }] });

describe('the configuration', () => {
  it('replaces the pods when a ConfigMap changes, and not when another does', async () => {
    await applyConfigMap(rig.cluster, rig.namespace, 'mail', { HOST: 'a' });
    await applyConfigMap(rig.cluster, rig.namespace, 'other', { HOST: 'a' });
    const pool = await rig.cluster.pool(rig.namespace, 'configured', { template: reads('mail') });
    const before = configHashOf(await rig.cluster.sized(pool, 1));
    const hashes = new Set<string | undefined>();
    rig.controller.manager
      .cache<PackedDeployment>(DEPLOYMENTS, { labelSelector: POOL_LABEL, transform: packedDeployment })
      .onChange(
        (_, deployment) =>
          void (deployment.metadata.name === 'configured' && hashes.add(configHashOf(unpackedDeployment(deployment)))),
      );
    await applyConfigMap(rig.cluster, rig.namespace, 'other', { HOST: 'b' });
    await applyConfigMap(rig.cluster, rig.namespace, 'mail', { HOST: 'b' });
    const after = configHashOf(await deploymentThat(rig.cluster, pool, (now) => configHashOf(now) !== before));
    await applyConfigMap(rig.cluster, rig.namespace, 'mail', { HOST: 'a' });
    await deploymentThat(rig.cluster, pool, (now) => configHashOf(now) === before);
    expect([...hashes]).toEqual([before, after]);
  });

  it('is known from the first pod on, also when ConfigMap and pool are made together', async () => {
    await applyConfigMap(rig.cluster, rig.namespace, 'fresh', { HOST: 'a' });
    const pool = await rig.cluster.pool(rig.namespace, 'together', { replicas: 1, template: reads('fresh') });
    const deployment = await rig.cluster.sized(pool, 1);
    await eventually(async () => (await rig.cluster.read(pool)).status?.replicas === 1, PATIENCE);
    expect(configHashOf(await rig.cluster.deployment(pool))).toBe(configHashOf(deployment));
  });

  it('that is missing is waited for by the pods, and replaces them when it comes and when it goes', async () => {
    const volumes = [{ name: 'c', projected: { sources: [{ configMap: { name: 'late' } }] } }];
    const pool = await rig.cluster.pool(rig.namespace, 'early', { template: { spec: { volumes } } });
    const absent = configHashOf(await rig.cluster.sized(pool, 1));
    await applyConfigMap(rig.cluster, rig.namespace, 'late', { HOST: 'a' });
    const there = configHashOf(await deploymentThat(rig.cluster, pool, (now) => configHashOf(now) !== absent));
    await rig.cluster.client.delete(CONFIG_MAPS, { namespace: rig.namespace, name: 'late' });
    const gone = configHashOf(await deploymentThat(rig.cluster, pool, (now) => configHashOf(now) !== there));
    expect(gone).toBe(absent);
  });

  it('a Secret of a permitted name replaces the pods, and its content is nowhere but in it', async () => {
    await rig.cluster.secret(rig.namespace, { token: 'hunter2' }, 'mail-api');
    const volumes = [{ name: 's', secret: { secretName: 'mail-api' } }];
    const pool = await rig.cluster.pool(rig.namespace, 'secretive', { template: { spec: { volumes } } });
    const before = await rig.cluster.sized(pool, 1);
    await rig.cluster.secret(rig.namespace, { token: 'hunter3' }, 'mail-api');
    await deploymentThat(rig.cluster, pool, (now) => configHashOf(now) !== configHashOf(before));
    const everything = [
      await rig.cluster.deployment(pool),
      await rig.cluster.read(pool),
      await rig.cluster.eventsOf(pool),
      rig.controller.lines,
    ];
    expect(JSON.stringify(everything)).not.toMatch(/hunter|aHVudGVy/);
    expect(findCondition((await rig.cluster.read(pool)).status?.conditions, 'ConfigTracked')).toBeUndefined();
  });

  it('a Secret of another name is passed on, and the status reports that its changes go unnoticed', async () => {
    const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'private', key: 'token' } } }];
    const pool = await rig.cluster.pool(rig.namespace, 'untracked', { template: ofWorker({ env }) });
    expect(workerOf(await rig.cluster.sized(pool, 1)).env).toContainEqual(env[0]);
    const reported = await rig.cluster.settled(pool, 'ConfigNotTracked', 'ConfigTracked');
    expect(findCondition(reported.status?.conditions, 'ConfigTracked')).toMatchObject({
      status: 'False',
      message: expect.stringMatching(/"private".*workers\.secretNames/) as string,
    });
    await rig.cluster.change(pool, { template: null });
    await eventually(
      async () => !findCondition((await rig.cluster.read(pool)).status?.conditions, 'ConfigTracked'),
      PATIENCE,
    );
  });

  it('the name in the certificate of Redis reaches the pods', async () => {
    await rig.cluster.queue(rig.namespace, 'secure', {
      redis: { tls: { enabled: true, serverName: 'redis.internal' } },
    });
    const pool = await rig.cluster.pool(rig.namespace, 'secured', { queues: ['secure'] });
    expect(workerOf(await rig.cluster.sized(pool, 1)).env).toContainEqual({
      name: 'REDIS_TLS_SERVER_NAME',
      value: 'redis.internal',
    });
  });

  it('the client certificate reaches the pods as files, and replaces them when it is renewed', async () => {
    const folder = temporaryFolder('pool-certificates');
    const ca = await createAuthority(folder, 'ca', 'ca');
    const issued = async (name: string, more: Record<string, string> = {}): Promise<void> => {
      const pair = await issueCertificate(folder, name, name, ca, 'extendedKeyUsage=clientAuth');
      const data = { 'tls.crt': text(pair.certificate), 'tls.key': text(pair.key), ...more };
      await rig.cluster.secret(rig.namespace, data, 'second');
    };
    await issued('first', { 'ca.crt': text(ca.certificate) });
    await rig.cluster.queue(rig.namespace, 'certified', {
      redis: { tls: { enabled: true, secretRef: { name: 'second' } } },
    });
    const pool = await rig.cluster.pool(rig.namespace, 'certified', { queues: ['certified'] });
    const deployment = await rig.cluster.sized(pool, 1);
    expect(workerOf(deployment).env).toEqual(
      expect.arrayContaining([
        { name: 'NODE_EXTRA_CA_CERTS', value: '/etc/redis-queue/ca.crt' },
        { name: 'REDIS_TLS_CERT_FILE', value: '/etc/redis-queue-client/tls.crt' },
        { name: 'REDIS_TLS_KEY_FILE', value: '/etc/redis-queue-client/tls.key' },
      ]),
    );
    const hashOf = ({ spec }: typeof deployment): string | undefined =>
      (spec.template as PodTemplate).metadata.annotations[SECRET_ANNOTATION];
    const before = hashOf(deployment);
    await issued('renewed');
    const after = await deploymentThat(rig.cluster, pool, (now) => hashOf(now) !== before);
    expect(workerOf(after).env?.map(({ name }) => name)).not.toContain('NODE_EXTRA_CA_CERTS');
  });
});
