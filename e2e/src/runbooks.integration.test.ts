import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startRedis, temporaryFolder, workspaceRoot, type RedisServer } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksOf } from './processes/doc-blocks.ts';
import { Stage } from './processes/stage.ts';

// Every command of docs/runbooks, run where something has failed; who is woken at night has no time to correct them.

const RUNBOOKS = join(workspaceRoot, 'docs/runbooks');
const pages = readdirSync(RUNBOOKS).filter((file) => file !== 'README.md');

let stage: Stage;
let redis: RedisServer;
let shop: string;
let queue: Queue;

beforeAll(async () => {
  [stage, redis] = await Promise.all([Stage.set(), startRedis()]);
  await stage.start('backup-controller', `--volume-directory=${temporaryFolder('runbooks')}`);
  await definePrometheusKinds();
  shop = await stage.controlPlane.createNamespace('shop');
  await stage.secret(shop, 'redis-credentials', { 'redis-url': redis.url });
  queue = new Queue('orders', { connection: { host: redis.host, port: redis.port } });
  await queue.addBulk(Array.from({ length: 5 }, (_, n) => ({ name: 'j', data: { n } })));
  await stage.apply(shop, 'Queue', 'orders', {});
  const spec = { queues: { names: ['orders'] }, storage: { volume: {} } };
  await stage.apply(shop, 'QueueBackupSchedule', 'nightly', { schedule: '0 2 1 1 *', template: { spec } });
  await stage.apply(shop, 'QueueBackup', 'good', spec);
  await stage.settled(shop, 'queuebackup/good', 'BackedUp');
  await stage.apply(shop, 'QueueBackup', 'always', {
    ...spec,
    mode: 'Incremental',
    incremental: { every: '30s', fullEvery: '6h', keep: '24h' },
  });
  await stage.apply(shop, 'QueueRestore', 'failed', { from: { backup: { name: 'good' } }, backoffLimit: 0 });
  await stage.settled(shop, 'queuerestore/failed', 'BackoffLimitExceeded');
});
afterAll(async () => {
  await queue?.close();
  await stage?.[Symbol.asyncDispose]();
  await redis?.stop();
});

/** The operator of Prometheus brings these; here they have no content. */
async function definePrometheusKinds(): Promise<void> {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const definitions = ['ServiceMonitor', 'PrometheusRule'].map((kind) => {
    const plural = `${kind.toLowerCase()}s`;
    const versions = [{ name: 'v1', served: true, storage: true, schema }];
    const spec = { group: 'monitoring.coreos.com', scope: 'Namespaced', names: { kind, plural }, versions };
    const metadata = { name: `${plural}.monitoring.coreos.com` };
    return { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata, spec };
  });
  await stage.controlPlane.apply(definitions);
  const names = definitions.map(({ metadata }) => `crd/${metadata.name}`);
  await stage.controlPlane.kubectl('wait', '--for=condition=Established', '--timeout=30s', ...names);
}

/** What a page calls NAME. */
const NAMES: Readonly<Record<string, string>> = {
  'RedisQueueBackupVerificationFailed.md': 'good',
  'RedisQueueRestoreFailed.md': 'failed',
};
/** What there is to see once the commands of a page have run. */
const OUTCOMES: Readonly<Record<string, () => Promise<void>>> = {
  'RedisQueueBackupFailed.md': takenByHand,
  'RedisQueueBackupIncomplete.md': takenByHand,
  'RedisQueueBackupOverdue.md': takenByHand,
  'RedisQueueBackupRunSlow.md': async () => {
    await expect(stage.read(shop, 'queuebackup/stuck')).rejects.toThrow('NotFound');
  },
  'RedisQueueRestoreFailed.md': async () => {
    const { status } = await stage.settled(shop, 'queuerestore/again', 'WouldRestore');
    expect(status?.['queues']).toMatchObject([{ name: 'orders', wouldRun: 5 }]);
  },
};
async function takenByHand(): Promise<void> {
  await stage.settled(shop, 'queuebackup/by-hand', 'BackedUp');
}

it.each(pages)('the commands of %s do what they are for', async (file) => {
  const page = readFileSync(join(RUNBOOKS, file), 'utf8');
  // What stood in the way is out of it, as the page asks.
  await queue.obliterate({ force: true });
  await stage.apply(shop, 'QueueBackup', 'stuck', { queues: { names: ['missing'] }, storage: { volume: {} } });
  const name = NAMES[file] ?? 'stuck';
  const labels = `namespace=${shop}\nschedule=nightly\nbackup=always`;
  const commands = ['Look', 'Mend'].flatMap((heading) => blocksOf(page, heading));
  for (const { text } of commands) await stage.runInShell(shop, `${labels}\n${text.replaceAll(/\bNAME\b/g, name)}`);
  expect(commands.length).toBeGreaterThan(1);
  await OUTCOMES[file]?.();
});
