import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  firingAlerts,
  startAppProcess,
  startControlPlane,
  workspaceRoot,
  type AppProcess,
  type ControlPlane,
} from '@redis-queue/rig';
import { lintMetrics } from '@redis-queue/rig/controllers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { controllers } from './controllers.ts';
import { chartFolder, render, type Rendered } from './rendering/helm.ts';

// The alerts of the chart backup-controller, evaluated by Prometheus' own packages, and the metrics of the real process.

interface Rule {
  alert: string;
  expr: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

const CHART = chartFolder('backup-controller');
const RUNBOOKS = 'https://git.example/runbooks';
const names = controllers.find(({ name }) => name === 'backup-controller')!.alerts!;
const alertValues = (more: object = {}): object => ({ alerts: { enabled: true, runbookUrl: RUNBOOKS, ...more } });

async function prometheusRule(values: object = alertValues()): Promise<Rendered> {
  const objects = await render(CHART, { values });
  return objects.find(({ kind }) => kind === 'PrometheusRule')!;
}
const rulesOf = (object: Rendered): Rule[] =>
  (object['spec'] as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules }) => rules);

let text: string;
let rules: Rule[];
let controlPlane: ControlPlane;
let controller: AppProcess;
beforeAll(async () => {
  const object = await prometheusRule();
  text = stringify(object['spec']);
  rules = rulesOf(object);
  controlPlane = await startControlPlane({ crds: true, controllerManager: false });
  controller = await startAppProcess('backup-controller', {
    main: join(workspaceRoot, 'apps/backup-controller/src/main.ts'),
    kubeconfigPath: controlPlane.kubeconfigPath,
    args: ['--leader-elect=false'],
  });
  await controller.ready();
});
afterAll(async () => {
  await controller?.stop('SIGKILL');
  await controlPlane?.stop();
});

const LEADS = { 'leader_election_master_status{name="rq-backup-controller"}': '1x600' };
/** What fires at each of the minutes, as `alertname{labels}`, the others being well. */
async function fires(atMinutes: number[], series: Record<string, string>, rule = text): Promise<string[][]> {
  const answer = await firingAlerts({ rules: rule, series: { ...LEADS, ...series }, atMinutes });
  return answer.map((alerts) =>
    alerts.map(({ labels }) => {
      const others = Object.entries(labels).filter(([name]) => name !== 'alertname' && name !== 'severity');
      return [labels['alertname'], others.map(([, value]) => value).join('/')].join(' ').trim();
    }),
  );
}
const failures = (kind: string, reason: string): string =>
  `redis_queue_${kind}_failures_total{namespace="shop",reason="${reason}"}`;
const NIGHTLY = 'namespace="shop",schedule="nightly"';

describe('the alerts', () => {
  it('are those that values can switch off, each with a page of the runbooks, and every page is of one', () => {
    expect(rules.map(({ alert }) => alert)).toEqual(names);
    const index = readFileSync(join(workspaceRoot, 'docs/runbooks/README.md'), 'utf8');
    for (const { alert, annotations } of rules) {
      expect(annotations['runbook_url']).toBe(`${RUNBOOKS}/${alert}.md`);
      expect(existsSync(join(workspaceRoot, `docs/runbooks/${alert}.md`))).toBe(true);
      expect(index).toContain(`(${alert}.md)`);
    }
  });

  it('name only metrics that the process has', async () => {
    const page = await controller.metrics();
    const known = new Set([...page.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name));
    const named = rules.flatMap(({ expr }) => expr.match(/\b(?:redis_queue|leader_election)_\w+/g) ?? []);
    expect(new Set(named).size).toBeGreaterThan(8);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
    expect(await lintMetrics(page)).toEqual([]);
  });

  it('are not rendered unless they are asked for, and not without the address of the runbooks', async () => {
    expect(await prometheusRule({})).toBeUndefined();
    await expect(prometheusRule({ alerts: { enabled: true } })).rejects.toThrow('alerts.runbookUrl is empty');
    await expect(prometheusRule(alertValues({ disabled: ['Misspelt'] }))).rejects.toThrow('/alerts/disabled/0');
  });

  it('take labels, thresholds and a list of those to leave out from values', async () => {
    const object = await prometheusRule(
      alertValues({
        labels: { prometheus: 'main' },
        alertLabels: { team: 'queues', severity: 'page' },
        disabled: ['RedisQueueBackupFailed'],
        slowAfterSeconds: 60,
      }),
    );
    expect(object.metadata.labels).toMatchObject({ prometheus: 'main' });
    expect(rulesOf(object).map(({ alert }) => alert)).toEqual(
      names.filter((name) => name !== 'RedisQueueBackupFailed'),
    );
    expect(new Set(rulesOf(object).map(({ labels }) => JSON.stringify(labels)))).toEqual(
      new Set(['{"severity":"page","team":"queues"}']),
    );
    const series = { 'redis_queue_backup_run_age_seconds{namespace="shop"}': '61x1' };
    expect(await fires([0], series, stringify(object['spec']))).toEqual([
      ['RedisQueueBackupRunSlow QueueBackup/shop/queues'],
    ]);
  });
});

describe.concurrent('somebody is called', () => {
  it('when a backup has been overdue for five minutes, once per schedule, whichever process says so', async () => {
    const overdue = `redis_queue_backup_schedule_overdue{${NIGHTLY}`;
    const series = { [`${overdue},pod="a"}`]: '0x9 1x10 0x5', [`${overdue},pod="b"}`]: '_x15 1x4 0x5' };
    expect(await fires([9, 14, 15, 20, 24], series)).toEqual([
      [],
      [],
      ['RedisQueueBackupOverdue shop/nightly'],
      ['RedisQueueBackupOverdue shop/nightly'],
      [],
    ]);
  });

  it('when the newest backup or drill of a schedule failed, also the first one, until one completes or it is suspended', async () => {
    const failed = { [`redis_queue_backup_schedule_last_failure_timestamp_seconds{${NIGHTLY}}`]: '_x4 300x20' };
    const good = (values: string) => ({
      [`redis_queue_backup_schedule_last_success_timestamp_seconds{${NIGHTLY}}`]: values,
    });
    const suspended = { [`redis_queue_backup_schedule_suspended{${NIGHTLY}}`]: '0x9 1x10' };
    const drill = { [`redis_queue_backup_schedule_last_verification_failure_timestamp_seconds{${NIGHTLY}}`]: '300x20' };
    const verified = { [`redis_queue_backup_schedule_last_verified_timestamp_seconds{${NIGHTLY}}`]: '60x9 600x10' };
    expect(await fires([6, 12], { ...drill, ...verified })).toEqual([
      ['RedisQueueBackupVerificationFailed shop/nightly'],
      [],
    ]);
    const said = ['RedisQueueBackupFailed shop/nightly'];
    expect(await fires([3, 6], failed)).toEqual([[], said]);
    expect(await fires([3, 6, 12], { ...failed, ...good('60x9 600x10') })).toEqual([[], said, []]);
    expect(await fires([6, 12], { ...failed, ...suspended })).toEqual([said, []]);
  });

  it('when the newest backup of a schedule, or the newest point, lacks queues for five minutes, until one has all', async () => {
    const at = (what: string, values: string) => ({
      [`redis_queue_backup_schedule_last_${what}_timestamp_seconds{${NIGHTLY}}`]: values,
    });
    const partial = at('partial', '_x5 300x30');
    const said = ['RedisQueueBackupIncomplete shop/nightly'];
    expect(await fires([9, 10], partial)).toEqual([[], said]);
    expect(await fires([10, 20], { ...partial, ...at('success', '60x14 900x20') })).toEqual([said, []]);
    // Of an older failure nothing is left but the gap.
    expect(await fires([12], { ...partial, ...at('failure', '200x30') })).toEqual([said]);
    const suspended = { [`redis_queue_backup_schedule_suspended{${NIGHTLY}}`]: '1x30' };
    expect(await fires([12], { ...partial, ...suspended })).toEqual([[]]);
    const points = {
      'redis_queue_incremental_backup_queues_left_out{namespace="shop",backup="always"}': '0x4 2x9 0x10',
    };
    expect(await fires([9, 10, 15], points)).toEqual([[], ['RedisQueueBackupIncomplete always/shop'], []]);
  });

  it('when an incremental backup has taken no point for three intervals and a minute, and five minutes more', async () => {
    const of = 'namespace="shop",backup="always"';
    const series = {
      [`redis_queue_incremental_backup_last_point_age_seconds{${of}}`]: '0x4 60+60x20',
      [`redis_queue_incremental_backup_expected_interval_seconds{${of}}`]: '30x30',
    };
    // Minute 7 has 180 s, and 150 s are allowed.
    expect(await fires([11, 12], series)).toEqual([[], ['RedisQueueIncrementalBackupBehind always/shop']]);
  });

  it('when a restore failed, until one completes or six hours are over', async () => {
    const failed = { 'redis_queue_restore_last_failure_timestamp_seconds{namespace="shop"}': '_x4 300x400' };
    const good = { 'redis_queue_restore_last_success_timestamp_seconds{namespace="shop"}': '_x9 600x400' };
    const said = ['RedisQueueRestoreFailed shop'];
    expect(await fires([3, 6, 364, 366], failed)).toEqual([[], said, said, []]);
    expect(await fires([6, 12], { ...failed, ...good })).toEqual([said, []]);
  });

  it('when a run takes longer than three hours', async () => {
    const series = {
      'redis_queue_backup_run_age_seconds{namespace="shop"}': '10000+60x40',
      'redis_queue_restore_run_age_seconds{namespace="crm"}': '0+60x40',
    };
    expect(await fires([13, 14], series)).toEqual([[], ['RedisQueueBackupRunSlow QueueBackup/shop']]);
  });

  it('when a storage or a key fails three runs in half an hour, of a counter that is new as well', async () => {
    const series = {
      [failures('backup', 'StorageDenied')]: '_x4 1x4 2x4 3x60',
      [failures('backup', 'QueueUnreadable')]: '9x99',
      [failures('backup', 'StorageThrottled')]: '1x99',
      [failures('restore', 'EncryptionKeyInvalid')]: '4x40 5x4 6x4 8x60',
    };
    const [denied, invalid] = [
      'RedisQueueBackupStorageFailing QueueBackup/shop/StorageDenied',
      'RedisQueueBackupStorageFailing QueueRestore/shop/EncryptionKeyInvalid',
    ];
    expect(await fires([13, 16, 30, 55, 95], series)).toEqual([
      [`RedisQueueBackupStorageFailing QueueRestore/shop/EncryptionKeyInvalid`],
      [denied, invalid],
      [denied],
      [invalid],
      [],
    ]);
  });

  it('when nobody has led for fifteen minutes', async () => {
    const series = { 'leader_election_master_status{name="rq-backup-controller"}': '1x9 0x4 1x4 0x30' };
    expect(await fires([9, 30, 34, 35], series)).toEqual([[], [], [], ['RedisQueueBackupControllerDown']]);
  });

  it('in words that name the object and the time', async () => {
    const [[alert]] = (await firingAlerts({
      rules: text,
      series: { ...LEADS, [`redis_queue_backup_schedule_last_failure_timestamp_seconds{${NIGHTLY}}`]: '60x5' },
      atMinutes: [5],
    })) as [[{ labels: object; annotations: object }]];
    expect(alert.labels).toMatchObject({ severity: 'warning', namespace: 'shop', schedule: 'nightly' });
    expect(alert.annotations).toMatchObject({
      summary: 'The newest backup of QueueBackupSchedule shop/nightly failed',
      description: expect.stringContaining('It failed at 1970-01-01 00:01:00 +0000 UTC'),
    });
  });
});
