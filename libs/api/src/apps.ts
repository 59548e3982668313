/** What an app needs beside its own kinds. Its chart renders arguments and rights by it; see charts/common. */
export type Capability =
  /** It reads Secrets with the credentials of Queues' Redis. */
  | 'redis'
  /** It uses the bus between autoscaler and workerpool-controller. */
  | 'bus'
  /** It creates worker pods, by Deployments. */
  | 'workers'
  /** It keeps backups: in object storage, with Secrets of its own, or on a volume. */
  | 'storage'
  /** It serves admission webhooks for its kinds: on a second port, with a Service and a certificate. */
  | 'webhooks';

/** An app: a folder below `apps/`, an image and a chart, all of the same name. */
export interface AppDefinition {
  /** What it does, in a sentence: the description of its chart. */
  readonly summary: string;
  /** The kinds whose status it writes. */
  readonly kinds: readonly string[];
  /** Those of them whose objects it holds by a finalizer. Its chart takes that off them when it is uninstalled. */
  readonly holds?: readonly string[];
  readonly capabilities: readonly Capability[];
  /** Whether it can be confined to one namespace; false for an app that owns a cluster-scoped kind. */
  readonly namespaceScope: boolean;
}

const table = {
  'queue-controller': {
    summary:
      'Enforces in Redis the limits, pauses, dead letters, retention, priorities and ownership that Queue objects declare.',
    kinds: ['Queue', 'QueueRedrive'],
    holds: ['Queue'],
    capabilities: ['redis', 'webhooks'],
    namespaceScope: true,
  },
  'workerpool-controller': {
    summary: 'Runs the worker pods of WorkerPool objects and drains them without losing a job.',
    kinds: ['WorkerPool'],
    capabilities: ['redis', 'bus', 'workers'],
    namespaceScope: true,
  },
  autoscaler: {
    summary: 'Sizes WorkerPools so that jobs start within their target wait.',
    kinds: [],
    capabilities: ['redis', 'bus'],
    namespaceScope: true,
  },
  'backup-controller': {
    summary:
      'Backs queues up as QueueBackup and QueueBackupSchedule objects ask for it, and restores them as QueueRestore objects do.',
    kinds: ['QueueBackup', 'QueueBackupSchedule', 'QueueRestore'],
    holds: ['QueueBackup', 'QueueRestore'],
    capabilities: ['redis', 'storage'],
    namespaceScope: true,
  },
} as const satisfies Record<string, AppDefinition>;

export type AppName = keyof typeof table;

/**
 * Every app. Images, charts, the value schemas, demo, tests and benches take their names from here; tests fail when a
 * folder of `apps/`, a chart or the umbrella chart differs.
 */
export const APPS: Readonly<Record<AppName, AppDefinition>> = table;
export const APP_NAMES = Object.keys(table) as readonly AppName[];
