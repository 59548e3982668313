import type { AppDefinition, AppName } from '@redis-queue/api';
import { durationPattern } from './duration-pattern.ts';

/** A value of a chart that is a flag of its app and nothing more; the flag has its name in kebab case. */
export interface Setting {
  /** In camel case: podStartTime is --pod-start-time. */
  readonly value: string;
  /** The flag's own default, so that values.yaml shows it; '' where the flag is left out. */
  readonly default: string | number;
  /** For values.yaml, without the comment's `# -- `; a further line goes on in the comment. */
  readonly comment: string;
  /** Draft-7 keywords that bound the value. */
  readonly schema: Readonly<Record<string, unknown>>;
}

/** The bounds are the flag's, so that a value which would crash every pod is refused before anything is installed. */
const duration = (min: string, max: string) => ({ type: 'string', pattern: durationPattern(min, max) });

/** Every app with a kind has the flag --concurrency, from `concurrencyFlag`. Reconciles that wait for Redis are many. */
const concurrencyOf = (name: AppName): Setting => ({
  value: 'concurrency',
  default: name === 'queue-controller' ? 128 : 24,
  comment: `How many objects are reconciled at once, those that wait for an answer included: 1 to 1000. One namespace has at
most a third of them, one Redis a fifth: with few of them, tenants whose Redis is slow are felt by others.`,
  schema: { type: 'integer', minimum: 1, maximum: 1_000 },
});

const OWN: Partial<Record<AppName, readonly Setting[]>> = {
  'queue-controller': [
    {
      value: 'clusterId',
      default: '',
      comment: `Tells this cluster from others that use the same Redis. Empty: the uid of kube-system, which a ClusterRole lets the
controller read; required where \`namespaces\` is set. Another one later makes every queue look like another cluster's.`,
      schema: { type: 'string', maxLength: 63, pattern: '^([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?)?$' },
    },
    {
      value: 'sampleInterval',
      default: '30s',
      comment: 'How often the jobs of every queue are counted, for metrics and status: 1s to 10m.',
      schema: duration('1s', '10m'),
    },
    {
      value: 'driftInterval',
      default: '3s',
      comment: `How often the queues are compared with Redis, to repair what others changed there: 1s to 10m. A Redis for
which that takes more than 1 % of the time, as 5,000 queues do at 3s, is compared in every second round.`,
      schema: duration('1s', '10m'),
    },
  ],
  'backup-controller': [
    {
      value: 'runs',
      default: 4,
      comment: `How many backups and restores run at once: 1 to 32. One namespace has half of what is free, and always one. Each
needs some 40 MiB of memory beside what the controller needs, with S3 more.`,
      schema: { type: 'integer', minimum: 1, maximum: 32 },
    },
  ],
  autoscaler: [
    {
      value: 'podStartTime',
      default: '10s',
      comment: `A first guess of how long a pod of yours takes to start: 1s to 1h. It holds for each pool until its own pods were
measured (status.podStartSeconds), and for images without probes. Delayed jobs that are due within it count as load
already, and recurring bursts are met that much earlier.`,
      schema: duration('1s', '1h'),
    },
    {
      value: 'nodeStartTime',
      default: '5m',
      comment: `How long a node takes to start where a node autoscaler brings it: 1s to 1h. Pods that no node has room for are
what it waits for, so they keep their pool from growing only after this time.`,
      schema: duration('1s', '1h'),
    },
  ],
};

/** The settings of an app, in the order of values.yaml. */
export function settingsOf(name: AppName, { kinds }: Pick<AppDefinition, 'kinds'>): readonly Setting[] {
  return [...(OWN[name] ?? []), ...(kinds.length > 0 ? [concurrencyOf(name)] : [])];
}
