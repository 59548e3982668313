import { controllers, type ControllerChart } from './controllers.ts';

/** A JSON Schema (draft 7), which is what Helm checks values with. */
export type JsonSchema = { [keyword: string]: unknown };

const text = (description: string, more: JsonSchema = {}): JsonSchema => ({ type: 'string', description, ...more });
const flag = (description: string): JsonSchema => ({ type: 'boolean', description });

/** An object that knows all its keys: a misspelt value is an error, not a surprise after the installation. */
const closed = (properties: Record<string, JsonSchema>, more: JsonSchema = {}): JsonSchema => ({
  type: 'object',
  additionalProperties: false,
  properties,
  ...more,
});

const textMap = (description: string): JsonSchema => ({
  type: 'object',
  description,
  additionalProperties: { type: 'string' },
});
/** A list of objects of Kubernetes, which knows what these fields hold. */
const objectList = (description: string, fields: readonly string[]): JsonSchema => ({
  type: 'array',
  description,
  items: closed(Object.fromEntries(fields.map((field) => [field, {}]))),
});

const objectName = { maxLength: 253, pattern: '^([a-z0-9]([a-z0-9.-]*[a-z0-9])?)?$' };
const secretNames: JsonSchema = {
  type: 'array',
  description: 'Names that Secrets with Redis credentials may have, in any namespace; no other Secret can be read.',
  uniqueItems: true,
  maxItems: 100,
  items: { type: 'string', ...objectName, minLength: 1 },
};
const names = (description: string, pattern = '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$'): JsonSchema => ({
  type: 'array',
  description,
  uniqueItems: true,
  maxItems: 100,
  items: { type: 'string', minLength: 1, maxLength: 253, pattern },
});
const namespaces = names('Watch these namespaces only; empty: all.', '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$');
const excludedNamespaces = names(
  "Where no worker may be created or changed; empty: kube-system and the release's own.",
);
const templateProperties: Record<string, JsonSchema> = {
  allow: {
    type: 'array',
    description: 'What pod templates may ask for beyond the default.',
    uniqueItems: true,
    items: { enum: ['privileged', 'hostNamespaces', 'hostPath', 'capabilities', 'ephemeralContainers', 'tokens'] },
  },
  serviceAccountNames: names('ServiceAccounts that pod templates may name beside "default".'),
  refusedSecretNames: names('Secrets that no worker may be given.'),
};
const template = closed(templateProperties);
const workerPods = closed({
  runAsUser: {
    type: ['integer', 'null'],
    minimum: 1,
    maximum: 2_147_483_647,
    description: "Uid and gid of worker pods; null: the image's, or the platform's.",
  },
  replaceStuck: flag('Whether pods of pools with spec.replaceStuck may be deleted.'),
  secretNames: {
    ...secretNames,
    description: 'Names of further Secrets that may be read, so that pods that use them are replaced when they change.',
  },
});
const storageValues = closed({
  secretNames: {
    ...secretNames,
    description: 'Names that Secrets with credentials of storages or keys of backups may have, in any namespace.',
  },
  podIdentity: flag("Whether storages that name no Secret are reached with the pod's own identity."),
  volume: closed({
    claimName: text("PersistentVolumeClaim in the release's namespace; empty: no volume.", objectName),
    fsGroup: {
      type: ['integer', 'null'],
      minimum: 1,
      maximum: 2_147_483_647,
      description: 'Group that may write to the volume; null: none is set.',
    },
  }),
});
const webhookValues = closed({
  enabled: flag('Whether admission webhooks are served; never where namespaces is set.'),
  failurePolicy: { enum: ['Fail', 'Ignore'], description: 'What happens to requests while no pod serves.' },
  port: { type: 'integer', minimum: 1_024, maximum: 65_535, description: 'Port of the pods.' },
  certManagerCertificate: text('Certificate of cert-manager; empty: the controller makes its own.', objectName),
});
const imageTag = text('Tag, or digest sha256:….', {
  pattern: '^(sha256:[a-f0-9]{64}|[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?$',
});
const registry = text('Registry, with a port or path if necessary. It is required, here or among the globals.', {
  pattern: '^([^\\s/].*[^\\s/])?$',
});
const busSecretName = text("Secret in the release's namespace; empty: the default.", objectName);

const busCertificates = text(
  "Secret in the release's namespace with tls.crt and tls.key, ca.crt; empty: none.",
  objectName,
);

const busServerName = text('The name in the certificate of the Redis of the bus; empty: redis-host.', {
  pattern: '^[A-Za-z0-9.:_-]{0,253}$',
});

const TLS_TO_BUS = 'Whether to speak TLS to redis-host; a rediss:// URL does so anyway.';
/** Of one chart: empty takes the global value, which false has to be able to turn off. */
const ownTls = closed({
  enabled: { enum: [true, false, ''], description: TLS_TO_BUS },
  secretName: busCertificates,
  serverName: busServerName,
});

/**
 * Open, since Helm hands a parent's globals to every chart, those meant for others as well. The template
 * `redis-queue.checkGlobals` refuses unknown keys where the parent is our own chart.
 */
const globals: JsonSchema = {
  type: 'object',
  properties: {
    image: closed({ registry, tag: imageTag }),
    redis: closed({ secretNames }),
    bus: closed({
      secretName: busSecretName,
      tls: closed({ enabled: flag(TLS_TO_BUS), secretName: busCertificates, serverName: busServerName }),
    }),
    namespaces,
    template,
  },
};

const libraryValues: JsonSchema = closed({ global: {} }, { description: 'Set by Helm for the library chart.' });
const SPREAD_FIELDS = [
  'maxSkew',
  'topologyKey',
  'whenUnsatisfiable',
  'labelSelector',
  'matchLabelKeys',
  'minDomains',
  'nodeAffinityPolicy',
  'nodeTaintsPolicy',
];
const resourceAmounts: JsonSchema = { type: 'object', additionalProperties: { type: ['string', 'number'] } };
const monitor = (description: string): JsonSchema =>
  closed({
    enabled: flag(description),
    interval: text('How often metrics are scraped.', { pattern: '^[0-9]+(ms|s|m|h)$' }),
    labels: textMap('Labels by which Prometheus finds it.'),
  });

const prometheusDuration = (description: string): JsonSchema => text(description, { pattern: '^[0-9]+(s|m|h|d)$' });
const positive = (description: string): JsonSchema => ({ type: 'integer', minimum: 1, description });
const alertValues = (alerts: readonly string[]): JsonSchema =>
  closed({
    enabled: flag('Whether there is a PrometheusRule.'),
    runbookUrl: text('Address of the folder with the runbooks.', { pattern: '^(https?://\\S+)?$' }),
    labels: textMap('Labels by which Prometheus finds it.'),
    alertLabels: textMap('Labels of every alert.'),
    disabled: { type: 'array', description: 'Alerts that are left out.', uniqueItems: true, items: { enum: alerts } },
    overdueFor: prometheusDuration('How long a backup has to be overdue.'),
    controllerDownFor: prometheusDuration('How long no controller has to lead.'),
    slowAfterSeconds: positive('From which age on a run is slow.'),
    storageFailures: positive('Runs within 30 minutes that a storage or a key has to fail.'),
    restoreFailedWithinSeconds: positive('How long a restore that failed is told.'),
  });

/** The values of a controller's chart. */
export function controllerSchema({
  name,
  holds = [],
  capabilities,
  namespaceScope,
  settings,
  alerts,
}: ControllerChart): JsonSchema {
  const [redis, bus, workers, storage, webhooks] = (['redis', 'bus', 'workers', 'storage', 'webhooks'] as const).map(
    (each) => capabilities.includes(each),
  );
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: `Values of the chart ${name}`,
    ...closed({
      enabled: flag('Whether the chart redis-queue installs this controller.'),
      global: globals,
      common: libraryValues,
      image: closed(
        {
          registry,
          repository: text('Image without registry and tag.', { minLength: 1 }),
          tag: imageTag,
          pullPolicy: { enum: ['Always', 'IfNotPresent', 'Never'] },
        },
        { required: ['repository', 'pullPolicy'] },
      ),
      imagePullSecrets: {
        type: 'array',
        description: 'Secrets to pull the image with.',
        items: closed({ name: { type: 'string', minLength: 1 } }, { required: ['name'] }),
      },
      replicas: { type: 'integer', minimum: 0, maximum: 10, description: 'Number of pods; one is active at a time.' },
      logLevel: { enum: ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] },
      ...(namespaceScope && { namespaces }),
      ...Object.fromEntries(
        settings.map(({ value, comment, schema }) => [
          value,
          { ...schema, description: comment.replaceAll('\n', ' ') },
        ]),
      ),
      ...(redis && { redis: closed({ secretNames }) }),
      ...(bus && {
        bus: closed({ enabled: flag('Whether the bus is used.'), secretName: busSecretName, tls: ownTls }),
      }),
      ...(storage && { storage: storageValues }),
      ...(webhooks && { webhooks: webhookValues }),
      ...(workers && { workers: workerPods, template }),
      admission: closed({
        enabled: flag('Whether a policy binds the ServiceAccount to what the controller does.'),
        ...(workers && { excludedNamespaces }),
      }),
      resources: closed({ requests: resourceAmounts, limits: resourceAmounts }),
      nodeOptions: text('Flags of Node.'),
      extraEnv: objectList('Environment variables, as in a Pod.', ['name', 'value', 'valueFrom']),
      extraArgs: {
        type: 'array',
        description: 'Flags that no value sets.',
        uniqueItems: true,
        items: { type: 'string', pattern: '^--[a-z][a-z-]*=.*$' },
      },
      serviceAccount: closed({
        create: flag('Whether the release creates its ServiceAccount.'),
        name: text('Name of the ServiceAccount; empty: named after the release.', objectName),
        annotations: textMap('Annotations of the ServiceAccount.'),
      }),
      metrics: closed({
        serviceMonitor: monitor('A ServiceMonitor for the controller.'),
        ...(workers && { workers: closed({ podMonitor: monitor('A PodMonitor for the worker pods.') }) }),
      }),
      ...(alerts && { alerts: alertValues(alerts) }),
      ...(holds.length > 0 && {
        uninstall: closed({
          releaseFinalizers: flag(
            "Whether a Job takes the controller's finalizers off when the release is uninstalled.",
          ),
        }),
      }),
      podAnnotations: textMap('Annotations of the pods.'),
      priorityClassName: text('PriorityClass of the pods.'),
      nodeSelector: textMap('Labels of nodes on which the pods may run.'),
      affinity: { type: 'object', propertyNames: { enum: ['nodeAffinity', 'podAffinity', 'podAntiAffinity'] } },
      tolerations: objectList('As in a Pod.', ['key', 'operator', 'value', 'effect', 'tolerationSeconds']),
      topologySpreadConstraints: objectList('As in a Pod; empty: spread over nodes where possible.', SPREAD_FIELDS),
    }),
  };
}

/** The values of a chart below: its own schema checks them as well, but only while it is switched on. */
function ofChart(chart: string, { properties }: JsonSchema): JsonSchema {
  return closed(properties as Record<string, JsonSchema>, { description: `Values of the chart ${chart}.` });
}

/** Every chart's values.schema.json: path below the repository's root → schema. */
export function valueSchemas(): Map<string, JsonSchema> {
  const schemas = new Map<string, JsonSchema>();
  for (const chart of controllers) schemas.set(chart.name, controllerSchema(chart));
  schemas.set('redis-queue-crds', {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart redis-queue-crds',
    ...closed({
      enabled: flag('Whether the chart redis-queue installs the CRDs.'),
      global: globals,
      common: libraryValues,
      keep: flag('Leave the CRDs in the cluster when the release is uninstalled.'),
      userRoles: flag('Whether view, edit and admin get rights on the kinds.'),
      template: closed({ enabled: flag('Whether WorkerPools are judged.'), ...templateProperties }),
      admission: closed({
        accounts: {
          type: 'array',
          description: 'ServiceAccounts of controllers that are confined to namespaces, to be bound by a policy each.',
          items: closed(
            {
              controller: { enum: controllers.filter((chart) => chart.namespaceScope).map((chart) => chart.name) },
              namespace: { type: 'string', minLength: 1, ...objectName },
              serviceAccountName: { type: 'string', minLength: 1, ...objectName },
              leaseName: text(
                'Its Lease; empty: named like the ServiceAccount, whose name has to end in that of the controller.',
                objectName,
              ),
              excludedNamespaces,
              replaceStuck: flag('What workers.replaceStuck of its chart is.'),
            },
            { required: ['controller', 'namespace', 'serviceAccountName'] },
          ),
        },
      }),
    }),
  });
  schemas.set('redis-queue', {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Values of the chart redis-queue',
    ...closed({
      global: globals,
      common: libraryValues,
      crds: ofChart('redis-queue-crds', schemas.get('redis-queue-crds')!),
      ...Object.fromEntries(controllers.map(({ name }) => [name, ofChart(name, schemas.get(name)!)])),
    }),
  });
  return new Map([...schemas].map(([chart, schema]) => [`charts/${chart}/values.schema.json`, schema]));
}
