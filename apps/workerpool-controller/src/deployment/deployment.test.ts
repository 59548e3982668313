import { expect, it } from 'vitest';
import { APPLIED_ANNOTATION } from '../kubernetes/names.ts';
import { aPool, someQueues } from '../testing/objects.ts';
import { atVersion, desiredDeployment, templateHash } from './deployment.ts';
import { imageReference } from './template/pod-template.ts';

interface Built {
  spec: {
    replicas?: number;
    template: {
      spec: {
        terminationGracePeriodSeconds: number;
        shareProcessNamespace?: boolean;
        volumes: { name: string }[];
        containers: {
          env: { name: string; value?: string; valueFrom?: object }[];
          livenessProbe?: object;
          readinessProbe?: object;
        }[];
      };
    };
  };
}
const build = (...args: Parameters<typeof desiredDeployment>) => desiredDeployment(...args) as unknown as Built;
const containerOf = (built: Built) => built.spec.template.spec.containers[0]!;
const envOf = (built: Built) => Object.fromEntries(containerOf(built).env.map(({ name, value }) => [name, value]));

it('gives the pods what they serve', () => {
  expect(envOf(build(aPool({ drainPolicy: { gracePeriod: '1m', maxDrainTime: '2h' } }), someQueues))).toMatchObject({
    RQ_QUEUES: '[{"queue":"emails","name":"emails","prefix":"bull"}]',
    RQ_CONCURRENCY: '10',
    RQ_POOL: 'email-workers',
    RQ_POOL_NAMESPACE: 'team-a',
    RQ_VERSION: '1.4.2',
    RQ_GRACE_PERIOD_MS: '60000',
    RQ_MAX_DRAIN_TIME_MS: '7200000',
    RQ_HTTP_PORT: '9100',
  });
});

it.each([
  [true, 'alone', {}],
  [true, 'after an init container', { initContainers: [{ name: 'prepare' }] }],
  [undefined, 'beside a sidecar', { containers: [{ name: 'proxy' }] }],
  [undefined, 'beside a sidecar that starts first', { initContainers: [{ name: 'proxy', restartPolicy: 'Always' }] }],
  [true, 'beside a sidecar that is trusted', { containers: [{ name: 'proxy' }], shareProcessNamespace: true }],
])('shares the process namespace: %s for a worker %s', (shared, _, spec) => {
  expect(build(aPool({ template: { spec } }), someQueues).spec.template.spec.shareProcessNamespace).toBe(shared);
});

// Wall 1: Kubernetes would put the password in the place of `$(REDIS_PASSWORD)`.
it('passes texts of a tenant as they are written, whatever variable they seem to name', () => {
  const name = 'a$(REDIS_PASSWORD)$$(b)$';
  const queues = { ...someQueues, queues: [{ queue: name, name, prefix: name }], tls: true, tlsServerName: name };
  const { env } = containerOf(build(aPool({ version: name }), queues));
  const values = env.flatMap(({ value }) => (value === undefined ? [] : [value]));
  expect(values.filter((value) => /(^|[^$])(\$\$)*\$\(/.test(value))).toEqual([]);
  // As the kubelet reads it: two are one, and one before anything else stays.
  expect(values.filter((value) => value.replaceAll('$$', '$') === name)).toHaveLength(2);
});

it('passes Redis on by reference to the Secret, each key optional', () => {
  const { env } = containerOf(build(aPool(), someQueues));
  const references = env.filter(({ name }) => name.startsWith('REDIS_'));
  expect(references).toEqual(
    ['url', 'host', 'port', 'db', 'username', 'password'].map((key) => ({
      name: `REDIS_${key.toUpperCase()}`,
      valueFrom: { secretKeyRef: { name: 'redis-credentials', key: `redis-${key}`, optional: true } },
    })),
  );
});

it('passes on by their names what leads to Sentinels', () => {
  const keys = [...someQueues.keys, 'redis-sentinels', 'redis-sentinel-master-name'];
  const { env } = containerOf(build(aPool(), { ...someQueues, keys }));
  expect(env.filter(({ name }) => name.startsWith('REDIS_SENTINEL'))).toEqual(
    [
      ['REDIS_SENTINELS', 'redis-sentinels'],
      ['REDIS_SENTINEL_MASTER_NAME', 'redis-sentinel-master-name'],
    ].map(([name, key]) => ({
      name,
      valueFrom: { secretKeyRef: { name: 'redis-credentials', key, optional: true } },
    })),
  );
});

it('has the pods speak TLS, and trust the private CA of the Secret when there is one', () => {
  const ca = { secretName: 'redis-credentials', key: 'redis-ca.crt' };
  const built = build(aPool(), { ...someQueues, tls: true, ca });
  expect(envOf(built)).toMatchObject({ REDIS_TLS: 'true', NODE_EXTRA_CA_CERTS: '/etc/redis-queue/redis-ca.crt' });
  expect(built.spec.template.spec.volumes.map(({ name }) => name)).toEqual(['tmp', 'redis-ca']);
});

it('gives the pods the client certificate as files, and the authority of its Secret', () => {
  const ca = { secretName: 'redis-tls-certs', key: 'ca.crt' };
  const built = build(aPool(), { ...someQueues, tls: true, ca, clientSecretName: 'redis-tls-certs' });
  expect(envOf(built)).toMatchObject({
    NODE_EXTRA_CA_CERTS: '/etc/redis-queue/ca.crt',
    REDIS_TLS_CERT_FILE: '/etc/redis-queue-client/tls.crt',
    REDIS_TLS_KEY_FILE: '/etc/redis-queue-client/tls.key',
  });
  expect(built.spec.template.spec.volumes).toContainEqual({
    name: 'redis-client',
    secret: {
      secretName: 'redis-tls-certs',
      items: [
        { key: 'tls.crt', path: 'tls.crt' },
        { key: 'tls.key', path: 'tls.key' },
      ],
    },
  });
});

it.each([
  ['the given drain time', { gracePeriod: '30s', maxDrainTime: '90s' }, 105],
  ['ten minutes when none is given', undefined, 615],
])('gives a pod %s and 15 s more before it is killed', (_, drainPolicy, expected) => {
  const pool = aPool(drainPolicy ? { drainPolicy } : {});
  expect(build(pool, someQueues).spec.template.spec.terminationGracePeriodSeconds).toBe(expected);
});

it('gives the worker the resources of the spec', () => {
  const resources = { requests: { cpu: '250m', memory: '256Mi' }, limits: { memory: '512Mi' } };
  expect(containerOf(build(aPool({ resources }), someQueues))).toMatchObject({ resources });
  expect(containerOf(build(aPool(), someQueues))).not.toHaveProperty('resources');
});

it('takes a version for a tag, or for a digest', () => {
  expect(imageReference({ image: 'registry.example:5000/worker', version: '1.4.2' })).toBe(
    'registry.example:5000/worker:1.4.2',
  );
  const digest = `sha256:${'a'.repeat(64)}`;
  expect(imageReference({ image: 'worker', version: digest })).toBe(`worker@${digest}`);
});

it('probes the pods, unless the pool says that its image serves no probes', () => {
  expect(containerOf(build(aPool(), someQueues))).toHaveProperty('livenessProbe');
  const pool = aPool();
  pool.metadata.annotations = { 'redis-queue.io/probes': 'off' };
  const container = containerOf(build(pool, someQueues));
  expect([container.livenessProbe, container.readinessProbe]).toEqual([undefined, undefined]);
});

it("never carries a size: that is the scale manager's", () => {
  expect(build(aPool({ replicas: 9 }), someQueues).spec).not.toHaveProperty('replicas');
});

it('is the same, hash included, for the same pool whatever its status and size', () => {
  const one = desiredDeployment(aPool({ replicas: 1 }), someQueues);
  const other = desiredDeployment(aPool({ replicas: 9 }, { replicas: 9 }), someQueues);
  expect(other).toEqual(one);
  expect(one.metadata.annotations).toHaveProperty([APPLIED_ANNOTATION]);
});

it('gives the pods the name that the certificate of Redis has to carry', () => {
  expect(envOf(build(aPool(), { ...someQueues, tls: true, tlsServerName: 'redis.internal' }))).toMatchObject({
    REDIS_TLS_SERVER_NAME: 'redis.internal',
  });
  expect(envOf(build(aPool(), someQueues))).not.toHaveProperty('REDIS_TLS_SERVER_NAME');
});

it.each([
  ['as it is set', { progressDeadline: '90s', maxSurge: 2 }, 90, 2],
  ['within ten minutes and by a quarter when nothing is set', undefined, 600, '25%'],
])(
  'lets a rollout take its time %s, and takes no pod before its successor is ready',
  (_, rollout, deadline, maxSurge) => {
    const { spec } = desiredDeployment(aPool(rollout ? { rollout } : {}), someQueues);
    expect(spec).toMatchObject({
      progressDeadlineSeconds: deadline,
      strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge } },
    });
  },
);

it('merges the template over what it builds, its own annotations for configuration included', () => {
  const template = { metadata: { annotations: { team: 'mail' } }, spec: { priorityClassName: 'low' } };
  const built = desiredDeployment(aPool({ template }), someQueues, { configHash: 'cafe0000' });
  expect(built.spec['template']).toMatchObject({
    metadata: {
      annotations: { team: 'mail', 'redis-queue.io/config': 'cafe0000', 'redis-queue.io/redis-secret': 'abcd1234' },
    },
    spec: { priorityClassName: 'low', automountServiceAccountToken: false },
  });
});

it('has a hash of the pod template that changes with everything that would replace the pods, and with nothing else', () => {
  const hash = templateHash(aPool(), someQueues, 'cafe0000');
  expect(templateHash(aPool({ replicas: 9, rollout: { maxSurge: 3 } }), someQueues, 'cafe0000')).toBe(hash);
  const others = [
    templateHash(atVersion(aPool(), '2.0.0'), someQueues, 'cafe0000'),
    templateHash(aPool(), { ...someQueues, secretHash: 'ffff0000' }, 'cafe0000'),
    templateHash(aPool(), someQueues, 'beef0000'),
    templateHash(aPool({ template: { spec: { priorityClassName: 'low' } } }), someQueues, 'cafe0000'),
  ];
  expect(new Set([hash, ...others]).size).toBe(5);
});

it('the hash that marks what was applied covers every field that is applied', () => {
  const { metadata, ...rest } = desiredDeployment(aPool(), someQueues);
  const { [APPLIED_ANNOTATION]: hash, ...annotations } = metadata.annotations!;
  expect(hash).toMatch(/^[0-9a-f]{16}$/);
  const other = desiredDeployment(aPool({ concurrency: 11 }), someQueues).metadata.annotations![APPLIED_ANNOTATION];
  expect(other).not.toBe(hash);
  expect({ annotations, spec: rest.spec }).not.toEqual({});
});
