import { controllers, type ControllerChart } from './controllers.ts';

/** The values.yaml of every controller's chart: path below the repository's root → text. */
export function valueFiles(): Map<string, string> {
  return new Map(controllers.map((chart) => [`charts/${chart.name}/values.yaml`, controllerValues(chart)]));
}

/** The values of a controller's chart with their comments, as Prettier keeps them. */
export function controllerValues({
  name,
  capabilities,
  namespaceScope,
  memory,
  busSwitch = 'Use the bus.',
}: ControllerChart): string {
  const [redis, bus, workers] = (['redis', 'bus', 'workers'] as const).map((each) => capabilities.includes(each));
  return [
    '# Generated from tools/charts by `make generate`; do not edit.',
    image(name),
    '# -- Number of pods. One is active at a time; the others take over within seconds.\nreplicas: 1\n',
    '# -- fatal, error, warn, info, debug or trace.\nlogLevel: info\n',
    namespaceScope && NAMESPACE_SCOPE,
    redis && REDIS,
    workers && WORKERS,
    bus && busOf(busSwitch),
    resources(memory),
    COMMON,
    metrics(workers ?? false),
    PODS,
  ]
    .filter((part) => part !== false)
    .join('\n');
}

const image = (name: string): string => `image:
  # -- Registry that you pushed the image to; empty: global.image.registry. One of the two is required.
  registry: ''
  repository: redis-queue/${name}
  # -- Tag or digest (sha256:…); empty: global.image.tag, else the chart's appVersion.
  tag: ''
  pullPolicy: IfNotPresent
# -- Names of Secrets to pull the image with: [{name: registry-credentials}].
imagePullSecrets: []
`;

const NAMESPACE_SCOPE = `# -- Watch the objects of this namespace only; empty: all namespaces. The rights are reduced accordingly.
namespaceScope: ''
`;

const REDIS = `redis:
  # -- Names that Secrets with Redis credentials may have, in any namespace; no other Secret can be read.
  # Empty: global.redis.secretNames, else [redis-credentials].
  secretNames: []
`;

const WORKERS = `workers:
  # -- Names of further Secrets that may be read, in any namespace, so that pods whose spec.template names one are
  # replaced when it changes. Pods may use Secrets of other names as well, but then keep the content they started with.
  secretNames: []
`;

const busOf = (
  busSwitch: string,
): string => `# The Redis through which the autoscaler's decisions reach the workerpool-controller.
bus:
  # -- ${busSwitch}
  enabled: true
  # -- Secret in the release's namespace: redis-url, or redis-host, redis-port, redis-username, redis-password.
  # Empty: global.bus.secretName, else redis-queue-bus.
  secretName: ''
  tls:
    # -- Speak TLS to redis-host; a rediss:// URL does so anyway. The Secret holds a private CA under redis-ca.crt.
    enabled: false
`;

const resources = (memory: ControllerChart['memory']): string => `${memory ? `# ${memory.note}\n` : ''}resources:
  requests:
    cpu: 50m
    memory: 64Mi
  limits:
    memory: ${memory?.limit ?? '128Mi'}
`;

const COMMON = `# -- Flags for Node. A small young generation keeps the process within its memory limit.
nodeOptions: --max-semi-space-size=1 --max-old-space-size=80

# -- More environment variables of the container, as in a Pod.
extraEnv: []

serviceAccount:
  create: true
  # -- Empty: named after the release.
  name: ''
  annotations: {}
`;

const metrics = (workers: boolean): string => `metrics:
  serviceMonitor:
    # -- Needs the Prometheus operator's definitions in the cluster.
    enabled: false
    interval: 30s
    labels: {}
${workers ? WORKER_METRICS : ''}`;

const WORKER_METRICS = `  workers:
    # -- A PodMonitor for the worker pods of every namespace; needs the Prometheus operator's definitions.
    podMonitor:
      enabled: false
      interval: 30s
      labels: {}
`;

const PODS = `podAnnotations: {}
priorityClassName: ''
nodeSelector: {}
affinity: {}
tolerations: []
# -- Empty: spread over nodes where possible.
topologySpreadConstraints: []
`;
