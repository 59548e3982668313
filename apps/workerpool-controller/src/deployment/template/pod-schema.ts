// What merging and comparing have to know of a pod template. From Kubernetes' OpenAPI document (x-kubernetes-list-type,
// x-kubernetes-list-map-keys, x-kubernetes-map-type of io.k8s.api.core.v1.PodTemplateSpec); a test compares it with
// what a real API server publishes.

/** JSON, as far as it matters here. */
export type JsonObject = { readonly [field: string]: unknown };

export interface PodTemplate extends JsonObject {
  readonly metadata: JsonObject & {
    readonly labels: Record<string, string>;
    readonly annotations: Record<string, string>;
  };
  readonly spec: JsonObject & { readonly containers: readonly JsonObject[] };
}

/** The container that runs the jobs. */
export const WORKER = 'worker';

/** Lists whose entries are told apart by key fields and merged one by one. A name means the same wherever it occurs. */
export const LIST_KEYS: Readonly<Record<string, readonly string[]>> = {
  claims: ['name'],
  containers: ['name'],
  env: ['name'],
  ephemeralContainers: ['name'],
  hostAliases: ['ip'],
  imagePullSecrets: ['name'],
  initContainers: ['name'],
  ownerReferences: ['uid'],
  ports: ['containerPort', 'protocol'],
  resourceClaims: ['name'],
  schedulingGates: ['name'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  volumeDevices: ['devicePath'],
  volumeMounts: ['mountPath'],
  volumes: ['name'],
};

/** The key fields of a list's entries; undefined: the list is replaced as one. A field may be called `constructor`. */
export function listKeys(field: string): readonly string[] | undefined {
  return Object.hasOwn(LIST_KEYS, field) ? LIST_KEYS[field] : undefined;
}

/** Maps that are replaced as one. All other maps merge field by field, all lists without keys are replaced. */
export const ATOMIC_MAPS: ReadonlySet<string> = new Set([
  'configMapKeyRef',
  'dataSource',
  'fieldRef',
  'fileKeyRef',
  'labelSelector',
  'namespaceSelector',
  'nodePublishSecretRef',
  'nodeSelector',
  'preference',
  'requiredDuringSchedulingIgnoredDuringExecution',
  'resourceFieldRef',
  'secretKeyRef',
  'secretRef',
  'selector',
]);

/** Key fields that the API server fills in when they are absent. */
const KEY_DEFAULTS: Readonly<Record<string, string>> = { protocol: 'TCP' };

/** The values of an entry's key fields; undefined when one is missing. */
export function entryKey(list: string, entry: unknown): readonly unknown[] | undefined {
  const keys = listKeys(list);
  if (!keys || !isObject(entry)) return undefined;
  const values = keys.map((key) => entry[key] ?? KEY_DEFAULTS[key]);
  return values.some((value) => value === undefined) ? undefined : values;
}

/** Whether `entry` has that key, as `entryKey` gives it. */
export function hasKey(list: string, entry: unknown, key: readonly unknown[]): boolean {
  return entryKey(list, entry)?.every((value, index) => value === key[index]) ?? false;
}

const HANDLERS: ReadonlySet<string> = new Set(['exec', 'grpc', 'httpGet', 'tcpSocket']);
const VALUES: ReadonlySet<string> = new Set(['value', 'valueFrom']);

/**
 * Which fields of an entry of `env` or `volumes`, or of a probe, exclude each other, because they say where the same
 * thing comes from.
 */
export function alternatives(field: string): (name: string) => boolean {
  if (field === 'env') return (name) => VALUES.has(name);
  // Of a volume, all but the name is its source.
  if (field === 'volumes') return (name) => name !== 'name';
  if (/^(liveness|readiness|startup)Probe$/.test(field)) return (name) => HANDLERS.has(name);
  return () => false;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
