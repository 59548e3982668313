import { DEFAULT_DRAIN_POLICY, hasProbes, parseDuration, type WorkerPool } from '@redis-queue/api';
import { CONFIG_ANNOTATION, poolLabels, SECRET_ANNOTATION } from '../../kubernetes/names.ts';
import { CLIENT_KEYS, type PoolQueues } from '../../queues/resolve.ts';
import { mergePodTemplate } from './merge.ts';
import { WORKER, type PodTemplate } from './pod-schema.ts';

export type { PodQueue } from '../../queues/resolve.ts';

/** What a pod has left, after the last job was handed back, to close its connections. */
const SHUTDOWN_MARGIN_MS = 15_000;
const HTTP_PORT = 9100;

/** Uid and gid of worker pods; `image`: what the image names, or what the platform gives, as OpenShift does. */
export type PodUser = number | 'image';
export const DEFAULT_POD_USER = 65_532;
const CA_FOLDER = '/etc/redis-queue';
const CLIENT_FOLDER = '/etc/redis-queue-client';

/** The pods that a pool asks for: what the controller builds, with `spec.template` merged over it. Pure. */
export function podTemplate(
  pool: WorkerPool,
  redis: PoolQueues,
  configHash?: string,
  user: PodUser = DEFAULT_POD_USER,
): PodTemplate {
  return mergePodTemplate(builtTemplate(pool, redis, configHash, user), pool.spec.template ?? {});
}

/** The image with its tag or digest. */
export function imageReference({ image, version }: Pick<WorkerPool['spec'], 'image' | 'version'>): string {
  return version.startsWith('sha256:') ? `${image}@${version}` : `${image}:${version}`;
}

/**
 * Whether the worker is the pod's only container that keeps running. Others could see its processes, and their
 * environment.
 */
function runsAlone({ spec: { template } }: WorkerPool): boolean {
  interface Named {
    name?: string;
    restartPolicy?: string;
  }
  const { containers = [], initContainers = [] } = (template?.['spec'] ?? {}) as Record<string, Named[] | undefined>;
  return (
    containers.every(({ name }) => name === WORKER) &&
    initContainers.every(({ restartPolicy }) => restartPolicy !== 'Always')
  );
}

function builtTemplate(
  pool: WorkerPool,
  redis: PoolQueues,
  configHash: string | undefined,
  user: PodUser,
): PodTemplate {
  const drain = pool.spec.drainPolicy ?? DEFAULT_DRAIN_POLICY;
  return {
    metadata: {
      labels: poolLabels(pool.metadata.name),
      annotations: {
        [SECRET_ANNOTATION]: redis.secretHash,
        ...(configHash !== undefined && { [CONFIG_ANNOTATION]: configHash }),
      },
    },
    spec: {
      automountServiceAccountToken: false,
      // A process 1 that has not yet set up its handler never gets SIGTERM; it would work on until it is killed.
      ...(runsAlone(pool) && { shareProcessNamespace: true }),
      terminationGracePeriodSeconds: Math.ceil((parseDuration(drain.maxDrainTime) + SHUTDOWN_MARGIN_MS) / 1000),
      securityContext: {
        runAsNonRoot: true,
        ...(user !== 'image' && { runAsUser: user, runAsGroup: user }),
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: WORKER,
          image: imageReference(pool.spec),
          ports: [{ name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' }],
          env: environment(pool, redis, drain),
          ...(pool.spec.resources && { resources: pool.spec.resources }),
          ...(hasProbes(pool) && PROBES),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'tmp', mountPath: '/tmp' },
            ...(redis.ca ? [{ name: 'redis-ca', mountPath: CA_FOLDER, readOnly: true }] : []),
            ...(redis.clientSecretName === undefined
              ? []
              : [{ name: 'redis-client', mountPath: CLIENT_FOLDER, readOnly: true }]),
          ],
        },
      ],
      volumes: [
        { name: 'tmp', emptyDir: {} },
        ...(redis.ca ? [secretVolume('redis-ca', redis.ca.secretName, [redis.ca.key])] : []),
        ...(redis.clientSecretName === undefined
          ? []
          : [secretVolume('redis-client', redis.clientSecretName, CLIENT_KEYS)]),
      ],
    },
  };
}

/** Liveness is progress, which a worker measures itself; the kubelet tolerates a minute of silence on top. */
const PROBES = {
  livenessProbe: {
    httpGet: { path: '/livez', port: 'http' },
    initialDelaySeconds: 10,
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 6,
  },
  readinessProbe: {
    httpGet: { path: '/readyz', port: 'http' },
    periodSeconds: 2,
    timeoutSeconds: 2,
    failureThreshold: 5,
  },
};

/** The pod contract. Redis comes from the Secret by reference: no credential is ever in the Deployment. */
function environment(
  pool: WorkerPool,
  redis: PoolQueues,
  drain: NonNullable<WorkerPool['spec']['drainPolicy']>,
): object[] {
  const secret = (name: string, key: string): object => ({
    name,
    valueFrom: { secretKeyRef: { name: redis.secretName, key, optional: true } },
  });
  return [
    value('RQ_QUEUES', JSON.stringify(redis.queues)),
    value('RQ_CONCURRENCY', pool.spec.concurrency),
    value('RQ_POOL', pool.metadata.name),
    value('RQ_POOL_NAMESPACE', pool.metadata.namespace ?? ''),
    value('RQ_VERSION', pool.spec.version),
    { name: 'RQ_POD_NAME', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
    value('RQ_GRACE_PERIOD_MS', parseDuration(drain.gracePeriod)),
    value('RQ_MAX_DRAIN_TIME_MS', parseDuration(drain.maxDrainTime)),
    value('RQ_HTTP_PORT', HTTP_PORT),
    ...redis.keys.map((key) => secret(variableOf(key), key)),
    ...(redis.tls ? [value('REDIS_TLS', 'true')] : []),
    ...(redis.tlsServerName === undefined ? [] : [value('REDIS_TLS_SERVER_NAME', redis.tlsServerName)]),
    ...(redis.ca ? [value('NODE_EXTRA_CA_CERTS', `${CA_FOLDER}/${redis.ca.key}`)] : []),
    ...(redis.clientSecretName === undefined
      ? []
      : [
          value('REDIS_TLS_CERT_FILE', `${CLIENT_FOLDER}/tls.crt`),
          value('REDIS_TLS_KEY_FILE', `${CLIENT_FOLDER}/tls.key`),
        ]),
  ];
}

function secretVolume(name: string, secretName: string, keys: readonly string[]): object {
  return { name, secret: { secretName, items: keys.map((key) => ({ key, path: key })) } };
}

/** By which a pod gets a key of the Secret: `REDIS_URL` for `redis-url`. */
function variableOf(key: string): string {
  return key.toUpperCase().replaceAll('-', '_');
}

/** `$` is doubled, since Kubernetes expands `$(NAME)` to another variable's value, and makes one `$` of two. */
function value(name: string, text: string | number): object {
  return { name, value: String(text).replaceAll('$', '$$$$') };
}
