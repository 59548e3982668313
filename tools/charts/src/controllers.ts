import { APP_NAMES, APPS, type AppDefinition, type AppName } from '@redis-queue/api';
import { settingsOf, type Setting } from './settings.ts';

/** What distinguishes one controller's chart from those of the others. */
export interface ControllerChart extends Pick<AppDefinition, 'summary' | 'holds' | 'capabilities' | 'namespaceScope'> {
  /** Of the chart, the app and its image. */
  readonly name: string;
  /** Default 128Mi. The note says for how much that is enough; with a limit only. */
  readonly memory?: { readonly limit: string; readonly note: string; readonly heapMiB?: number };
  /** Values that are flags. */
  readonly settings: readonly Setting[];
  /** The alerts that the chart has, for values that switch them off; absent: none. */
  readonly alerts?: readonly string[];
  /** What `bus.enabled` switches, for charts with the capability. */
  readonly busSwitch?: string;
}

/** Each has a page in docs/runbooks. */
const BACKUP_ALERTS = [
  'RedisQueueBackupOverdue',
  'RedisQueueBackupFailed',
  'RedisQueueBackupIncomplete',
  'RedisQueueBackupVerificationFailed',
  'RedisQueueIncrementalBackupBehind',
  'RedisQueueRestoreFailed',
  'RedisQueueBackupRunSlow',
  'RedisQueueBackupStorageFailing',
  'RedisQueueBackupControllerDown',
];

const PARTICULARS: Partial<Record<AppName, Pick<ControllerChart, 'memory' | 'busSwitch' | 'alerts'>>> = {
  'workerpool-controller': {
    memory: { limit: '160Mi', note: 'It stays below 128Mi, unless somebody creates pools of a megabyte each.' },
    busSwitch: 'Take sizes from the autoscaler. Off: pools keep the size that they have.',
  },
  autoscaler: {
    memory: { limit: '192Mi', note: 'The limit is for 2,000 pools on 5,000 queues; a few pools stay below 128Mi.' },
    busSwitch: 'Has to stay true: an autoscaler without the bus has nothing to do. Leave the chart out instead.',
  },
  'backup-controller': {
    memory: { limit: '512Mi', note: 'The limit is for the four runs of `runs`; more need more.', heapMiB: 192 },
    alerts: BACKUP_ALERTS,
  },
};

/** The chart of every app. */
export const controllers: readonly ControllerChart[] = APP_NAMES.map((name) => ({
  name,
  ...APPS[name],
  ...PARTICULARS[name],
  settings: settingsOf(name, APPS[name]),
}));
