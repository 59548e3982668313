import { controllers, type ControllerChart } from './controllers.ts';
import type { Setting } from './settings.ts';

/** The values.yaml of every controller's chart: path below the repository's root → text. */
export function valueFiles(): Map<string, string> {
  return new Map(controllers.map((chart) => [`charts/${chart.name}/values.yaml`, controllerValues(chart)]));
}

/** The values of a controller's chart with their comments, as Prettier keeps them. */
export function controllerValues({
  name,
  capabilities,
  namespaceScope,
  holds = [],
  settings,
  memory,
  alerts,
  busSwitch = 'Use the bus.',
}: ControllerChart): string {
  const [redis, bus, workers, storage, webhooks] = (['redis', 'bus', 'workers', 'storage', 'webhooks'] as const).map(
    (each) => capabilities.includes(each),
  );
  return [
    '# Generated from tools/charts by `make generate`; do not edit.',
    image(name),
    '# -- Number of pods. One is active at a time; the others take over within seconds.\nreplicas: 1\n',
    '# -- fatal, error, warn, info, debug or trace.\nlogLevel: info\n',
    namespaceScope && NAMESPACES,
    ...settings.map(setting),
    redis && REDIS,
    storage && STORAGE,
    workers && WORKERS,
    workers && TEMPLATE,
    bus && busOf(busSwitch),
    webhooks && WEBHOOKS,
    resources(memory),
    common(memory?.heapMiB ?? 80),
    admission(workers ?? false),
    metrics(workers ?? false),
    alerts !== undefined && ALERTS,
    holds.length > 0 && uninstall(holds),
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

const setting = ({ value, comment, default: text }: Setting): string =>
  `# -- ${comment.replaceAll('\n', '\n# ')}\n${value}: ${text === '' ? "''" : text}\n`;

const NAMESPACES = `# -- Watch the objects of these namespaces only; empty: global.namespaces, else all. The rights are Roles in them
# then, and the chart has no cluster-wide object: the policy over its ServiceAccount goes to redis-queue-crds.
namespaces: []
`;

const REDIS = `redis:
  # -- Names that Secrets with Redis credentials may have, in any namespace; no other Secret can be read.
  # Empty: global.redis.secretNames, else [redis-credentials].
  secretNames: []
`;

const STORAGE = `# Where backups lie, and what they are encrypted with.
storage:
  # -- Names that Secrets with credentials of storages or with keys of backups may have, in any namespace; no other can be
  # read.
  secretNames: [backup-storage, backup-key]
  # -- Whether storages that name no Secret are reached with the identity of the pod (IRSA, workload identity). Every
  # namespace has a folder of its own then, and reads no other.
  podIdentity: false
  volume:
    # -- PersistentVolumeClaim in the release's namespace for backups on a volume, one folder per namespace; with several
    # replicas it has to be ReadWriteMany. Empty: spec.storage.volume is refused.
    claimName: ''
    # -- Group that may write to the volume. null: none is set, as on OpenShift, which gives one.
    fsGroup: 65532
`;

const WEBHOOKS = `# Refuses what no object can say of itself alone, such as a name in Redis that another one has, when it is written.
webhooks:
  # -- Not where \`namespaces\` is set: webhook configurations are cluster-wide. What they refuse, conditions say as well.
  enabled: false
  # -- Fail: while no pod serves, nothing can be created and no spec be changed. Ignore: that passes, and conditions tell.
  failurePolicy: Fail
  # -- Of the pods.
  port: 9443
  # -- A Certificate of cert-manager in the release's namespace that writes the Secret of the webhooks, named after the
  # release with -webhook. Empty: the controller makes one that is valid for a day, and renews it.
  certManagerCertificate: ''
`;

const WORKERS = `workers:
  # -- Names of further Secrets that may be read, in any namespace, so that pods whose spec.template names one are
  # replaced when it changes. Pods may use Secrets of other names as well, but then keep the content they started with.
  secretNames: []
  # -- Uid and gid of worker pods, for images that name none. null: the image's, or what OpenShift's restricted-v2 gives.
  runAsUser: 65532
  # -- Whether pools with spec.replaceStuck may have a pod deleted that does not speak to Redis: the right to delete pods,
  # and to ask by a dry run whether they may be evicted. The policy over the ServiceAccount lets pods of pools go, no others.
  replaceStuck: false
`;

const TEMPLATE = `# What spec.template of a WorkerPool may ask for, as the policy over the ServiceAccount judges Deployments. Give the same to
# redis-queue-crds, whose policy judges WorkerPools: best among the globals.
template:
  # -- Of privileged, hostNamespaces, hostPath, capabilities, ephemeralContainers, tokens. Empty: global.template.allow.
  allow: []
  # -- ServiceAccounts that may be named beside "default". Empty: global.template.serviceAccountNames.
  serviceAccountNames: []
  # -- Secrets that no worker may be given. Empty: global.template.refusedSecretNames.
  refusedSecretNames: []
`;

const admission = (
  workers: boolean,
): string => `# Binds the ServiceAccount to what the controller does, whatever else its rights would let it do: docs/security.md.
admission:
  # -- A ValidatingAdmissionPolicy. Where \`namespaces\` is set, the chart redis-queue-crds has it: admission.accounts there.
  enabled: true
${workers ? EXCLUDED_NAMESPACES : ''}`;

const EXCLUDED_NAMESPACES = `  # -- Where no worker may be created or changed. Empty: kube-system and the release's own.
  excludedNamespaces: []
`;

const uninstall = (holds: readonly string[]): string => `uninstall:
  # -- When the release is uninstalled, a Job takes the controller's finalizers off every ${holds.join(', ')}, which could not be
  # deleted any more otherwise, nor its namespace. What they hold stays: see charts/README.md.
  releaseFinalizers: true
`;

const busOf = (
  busSwitch: string,
): string => `# The Redis through which the autoscaler's decisions reach the workerpool-controller.
bus:
  # -- ${busSwitch}
  enabled: true
  # -- Secret in the release's namespace: redis-url, or redis-host, redis-port, redis-db, redis-username, redis-password.
  # Empty: global.bus.secretName, else redis-queue-bus.
  secretName: ''
  tls:
    # -- true or false: speak TLS to redis-host; a rediss:// URL does so anyway. The Secret holds a private CA under
    # redis-ca.crt, which is refused without TLS. Empty: global.bus.tls.enabled.
    enabled: ''
    # -- Secret in the release's namespace with a client certificate, as cert-manager keeps one: tls.crt and tls.key, and
    # ca.crt for a private CA. Empty: global.bus.tls.secretName, else none.
    secretName: ''
    # -- The name in the certificate of that Redis. Empty: global.bus.tls.serverName, else redis-host.
    serverName: ''
`;

const resources = (memory: ControllerChart['memory']): string => `${memory ? `# ${memory.note}\n` : ''}resources:
  requests:
    cpu: 50m
    memory: 64Mi
  limits:
    memory: ${memory?.limit ?? '128Mi'}
`;

const common = (
  heapMiB: number,
): string => `# -- Flags for Node. A small young generation keeps the process within its memory limit.
nodeOptions: --max-semi-space-size=1 --max-old-space-size=${heapMiB}

# -- More environment variables of the container, as in a Pod.
extraEnv: []

# -- More flags, for those that no value sets: ['--kubeconfig=/vault/secrets/kubeconfig'] where an injector writes it.
extraArgs: []

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

const ALERTS = `# What somebody is to be called for: each alert has a page in docs/runbooks, with what helps.
alerts:
  # -- A PrometheusRule. Needs the Prometheus operator's definitions in the cluster, and metrics.serviceMonitor or the like.
  enabled: false
  # -- Where your people read docs/runbooks of this release, such as https://git.example/redis-queue/docs/runbooks; required
  # when it is enabled. Its pages are named after the alerts.
  runbookUrl: ''
  # -- Labels of the PrometheusRule, by which Prometheus finds it.
  labels: {}
  # -- Labels of every alert, such as the team that is called. severity here takes the place of critical and warning.
  alertLabels: {}
  # -- Names of alerts that are left out.
  disabled: []
  # -- How long a backup has to be overdue before somebody is called.
  overdueFor: 5m
  # -- How long no controller has to lead before somebody is called.
  controllerDownFor: 15m
  # -- A run that has been under way for so many seconds is slow.
  slowAfterSeconds: 10800
  # -- Runs within 30 minutes that a storage or a key has to fail.
  storageFailures: 3
  # -- For so many seconds after its end a QueueRestore that failed is told.
  restoreFailedWithinSeconds: 21600
`;

const PODS = `podAnnotations: {}
priorityClassName: ''
nodeSelector: {}
affinity: {}
tolerations: []
# -- Empty: spread over nodes where possible.
topologySpreadConstraints: []
`;
