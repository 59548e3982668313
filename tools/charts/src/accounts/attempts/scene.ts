import type { AppName } from '@redis-queue/api';
import type { ApiRequest } from '../client/account.ts';

/** An account of ours: of a controller, or of the hook that takes finalizers off when the queue-controller is uninstalled. */
export type Actor = AppName | 'uninstall';

/** What an attacker finds in the cluster; all of it exists. */
export interface Scene {
  /** Of the controllers. */
  readonly release: string;
  /** Of a tenant, with the pool `workers` (its Deployment and pods), the Queue `emails` (with a finalizer of somebody else), the QueueRedrive `again`, and the QueueBackup `nightly` and QueueRestore `back`, which wait, the QueueBackupSchedule `often`; and with `web`, nothing of ours. */
  readonly shop: string;
  /** Deployment of the pool `workers`, as it is. */
  readonly deployment: Manifest;
  /** A pod of it, and one of `web`. */
  readonly workerPod: string;
  readonly webPod: string;
}

/** An object, as far as attempts change it. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: object[];
    [field: string]: unknown;
  };
  spec: { selector: object; template: { metadata: object; spec: PodSpec }; [field: string]: unknown };
}

export interface PodSpec {
  containers: { name: string; [field: string]: unknown }[];
  volumes?: object[];
  [field: string]: unknown;
}

/** Something that must fail for whoever stole the token of `who`. */
export interface Attempt {
  readonly who: Actor;
  readonly what: string;
  readonly request: ApiRequest;
  /** What admission never sees, such as reading: rights alone stand in its way. */
  readonly rightsAlone?: boolean;
}

export const REFUSED_SECRET = 'redis-controller';
/** Values under which the attempts are made. */
export const TEMPLATE_VALUES = { refusedSecretNames: [REFUSED_SECRET], serviceAccountNames: ['worker'] };

/** An attempt of one of our accounts. */
export const attemptBy =
  (who: Actor, rightsAlone = false) =>
  (what: string, request: ApiRequest): Attempt => ({ who, what, request, ...(rightsAlone && { rightsAlone }) });
export const pool = attemptBy('workerpool-controller');
export const poolReads = attemptBy('workerpool-controller', true);

export const core = (namespace: string, plural: string, name?: string): string =>
  `/api/v1/namespaces/${namespace}/${plural}${name ? `/${name}` : ''}`;
export const inGroup = (group: string, namespace: string, plural: string, name?: string): string =>
  `/apis/${group}/namespaces/${namespace}/${plural}${name ? `/${name}` : ''}`;
export const deployments = (namespace: string, name?: string): string =>
  inGroup('apps/v1', namespace, 'deployments', name);
export const ours = (namespace: string, plural: string, name?: string): string =>
  inGroup('redis-queue.io/v1', namespace, plural, name);
export const post = (path: string, body: object): ApiRequest => ({ method: 'POST', path, body });
export const patch = (path: string, body: object): ApiRequest => ({ method: 'PATCH', path, body });
export const patchStrategic = (path: string, body: object): ApiRequest => ({ ...patch(path, body), strategic: true });
export const remove = (path: string): ApiRequest => ({ method: 'DELETE', path });

/** A new Deployment as the controller would create one, of a pool that does not exist. */
export function deploymentOf(scene: Scene, name: string, namespace = scene.shop): Manifest {
  const { apiVersion, kind, metadata, spec } = structuredClone(scene.deployment);
  const owner = metadata.ownerReferences?.[0] as Record<string, unknown>;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { ...metadata.labels, 'redis-queue.io/pool': name },
      ownerReferences: [{ ...owner, name }],
    },
    spec: {
      ...spec,
      selector: { matchLabels: { 'redis-queue.io/pool': name } },
      template: { ...spec.template, metadata: { labels: { 'redis-queue.io/pool': name } } },
    },
  };
}
