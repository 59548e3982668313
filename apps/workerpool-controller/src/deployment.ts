import { createHash } from 'node:crypto';
import { parseDuration, type WorkerPool } from '@redis-queue/api';
import { controllerOwnerReference, DEPLOYMENTS, typeMeta } from '@redis-queue/controller';
import { CA_KEY, type PoolQueues } from './queues.ts';
import {
  APPLIED_ANNOTATION,
  POOL_LABEL,
  PROBES_ANNOTATION,
  SECRET_ANNOTATION,
  VERSION_ANNOTATION,
  type Deployment,
} from './resources.ts';

const DEFAULT_DRAIN = { gracePeriod: '30s', maxDrainTime: '10m' };
/** What a pod has left, after the last job was handed back, to close its connections. */
const SHUTDOWN_MARGIN_MS = 15_000;
const HTTP_PORT = 9100;
const USER = 65_532;
const CA_FOLDER = '/etc/redis-queue';

/**
 * The Deployment that a pool asks for, as `redis-queue` applies it: everything but the size. Pure.
 * It carries a hash of itself, which shows when a field was dropped that an earlier release or spec had applied.
 */
export function desiredDeployment(pool: WorkerPool, redis: PoolQueues): Deployment {
  const { name, namespace } = pool.metadata;
  const built: Deployment = {
    ...typeMeta(DEPLOYMENTS),
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      labels: poolLabels(name),
      annotations: { [VERSION_ANNOTATION]: pool.spec.version },
      ownerReferences: [controllerOwnerReference(pool)],
    },
    spec: {
      selector: { matchLabels: { [POOL_LABEL]: name } },
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: 600,
      // New pods first: no job has to wait for a pod that was taken away.
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: '25%' } },
      template: podTemplate(pool, redis),
    },
  };
  const hash = createHash('sha256').update(JSON.stringify(built)).digest('hex').slice(0, 16);
  built.metadata.annotations![APPLIED_ANNOTATION] = hash;
  return built;
}

/** The image with its tag or digest. */
export function imageReference({ image, version }: Pick<WorkerPool['spec'], 'image' | 'version'>): string {
  return version.startsWith('sha256:') ? `${image}@${version}` : `${image}:${version}`;
}

export function poolSelector(name: string): string {
  return `${POOL_LABEL}=${name}`;
}

function poolLabels(name: string): Record<string, string> {
  return { 'app.kubernetes.io/name': name, 'app.kubernetes.io/managed-by': 'redis-queue', [POOL_LABEL]: name };
}

function podTemplate(pool: WorkerPool, redis: PoolQueues): object {
  const drain = pool.spec.drainPolicy ?? DEFAULT_DRAIN;
  return {
    metadata: { labels: poolLabels(pool.metadata.name), annotations: { [SECRET_ANNOTATION]: redis.secretHash } },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: Math.ceil((parseDuration(drain.maxDrainTime) + SHUTDOWN_MARGIN_MS) / 1000),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [
        {
          name: 'worker',
          image: imageReference(pool.spec),
          ports: [{ name: 'http', containerPort: HTTP_PORT, protocol: 'TCP' }],
          env: environment(pool, redis, drain),
          ...(pool.spec.resources && { resources: pool.spec.resources }),
          ...(pool.metadata.annotations?.[PROBES_ANNOTATION] === 'off' ? {} : PROBES),
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          volumeMounts: [
            { name: 'tmp', mountPath: '/tmp' },
            ...(redis.hasCa ? [{ name: 'redis-ca', mountPath: CA_FOLDER, readOnly: true }] : []),
          ],
        },
      ],
      volumes: [
        { name: 'tmp', emptyDir: {} },
        ...(redis.hasCa
          ? [{ name: 'redis-ca', secret: { secretName: redis.secretName, items: [{ key: CA_KEY, path: CA_KEY }] } }]
          : []),
      ],
    },
  };
}

/** Liveness is progress, which a worker measures itself; a minute of silence is the kubelet's patience on top. */
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
function environment(pool: WorkerPool, redis: PoolQueues, drain: typeof DEFAULT_DRAIN): object[] {
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
    secret('REDIS_URL', 'redis-url'),
    secret('REDIS_HOST', 'redis-host'),
    secret('REDIS_PORT', 'redis-port'),
    secret('REDIS_USERNAME', 'redis-username'),
    secret('REDIS_PASSWORD', 'redis-password'),
    ...(redis.tls ? [value('REDIS_TLS', 'true')] : []),
    ...(redis.hasCa ? [value('NODE_EXTRA_CA_CERTS', `${CA_FOLDER}/${CA_KEY}`)] : []),
  ];
}

function value(name: string, text: string | number): object {
  return { name, value: String(text) };
}
