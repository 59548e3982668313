import type { ControlPlane } from '@redis-queue/rig';

// What Velero does to the API server when it backs a namespace up and restores it, by its source
// (velero-io/velero, pkg/restore/restore.go, 1.16 and later). Velero itself needs a node to run on.

/** Our kinds, in the order in which Velero restores what has no priority: by name. */
const RESOURCES = [
  'queuebackups',
  'queuebackupschedules',
  'queueredrives',
  'queuerestores',
  'queues',
  'workerpools',
].map((plural) => `${plural}.redis-queue.io`);

/** What `resetMetadata` removes; finalizers, labels, annotations and managed fields stay. */
const REMOVED = [
  'generateName',
  'selfLink',
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
  'ownerReferences',
];

interface Item {
  readonly resource: string;
  readonly object: {
    readonly metadata: { readonly name: string } & Readonly<Record<string, unknown>>;
    readonly status?: object;
  };
}

/** Our objects of a namespace, as Velero has them in its tarball. */
export type VeleroBackup = readonly Item[];

export interface VeleroRestoreOptions {
  readonly name: string;
  /** Where they go, as `namespaceMappings` says. */
  readonly namespace: string;
  /** `spec.restoreStatus.includedResources`: plurals. */
  readonly restoreStatus?: readonly string[];
}

export async function backUp(controlPlane: ControlPlane, namespace: string): Promise<VeleroBackup> {
  const lists = await Promise.all(
    RESOURCES.map(async (resource) => {
      const list = await controlPlane.kubectl(`-n=${namespace}`, 'get', resource, '-o=json', '--show-managed-fields');
      const { items } = JSON.parse(list) as { items: Item['object'][] };
      return items.map((object) => ({ resource, object }));
    }),
  );
  return lists.flat();
}

/** Creates each object, then writes its status where that is asked for, then its managed fields. */
export async function restore(
  controlPlane: ControlPlane,
  backup: VeleroBackup,
  { name, namespace, restoreStatus = [] }: VeleroRestoreOptions,
): Promise<void> {
  for (const { resource, object } of backup) {
    const { status, ...rest } = object;
    const fields = Object.entries(object.metadata).filter(([field]) => !REMOVED.includes(field));
    const metadata = Object.fromEntries(fields) as Item['object']['metadata'] & { managedFields?: object[] };
    const labels = {
      ...(metadata['labels'] as Record<string, string> | undefined),
      'velero.io/backup-name': 'nightly',
      'velero.io/restore-name': name,
    };
    const wanted = { ...rest, metadata: { ...metadata, namespace, labels } };
    // oxlint-disable-next-line no-await-in-loop -- Velero restores one after the other
    const created = await controlPlane.kubectlWith(JSON.stringify(wanted), 'create', '-o=json', '-f=-');
    const { resourceVersion } = (JSON.parse(created) as { metadata: { resourceVersion: string } }).metadata;
    if (status && restoreStatus.some((plural) => resource.startsWith(`${plural}.`))) {
      const withStatus = { ...wanted, metadata: { ...wanted.metadata, resourceVersion }, status };
      // oxlint-disable-next-line no-await-in-loop -- it fails when somebody has written in between, as in older releases
      await controlPlane.kubectlWith(JSON.stringify(withStatus), 'replace', '--subresource=status', '-f=-');
    }
    const patch = JSON.stringify({ metadata: { managedFields: metadata.managedFields } });
    const target = ['patch', resource, metadata.name, '--type=merge', `--patch=${patch}`];
    // oxlint-disable-next-line no-await-in-loop -- as above
    await controlPlane.kubectl(`-n=${namespace}`, ...target);
  }
}
