import { eventually, temporaryFolder } from '@redis-queue/rig';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from '../processes/stage.ts';
import { CERTIFICATES, Certificates, CREDENTIALS, KINDS_OF_REDIS, type KindOfRedis } from './kinds-of-redis.ts';
import { startPodOf } from './pod.ts';

// Every kind of Redis and every app, as processes with a real API server: a Queue is governed and sampled, its pool woken
// from zero over the bus, which has the same Redis, its jobs worked off, and all of it backed up. Prints a table.

const STEPS = ['governed', 'sampled', 'woken', 'worked', 'backedUp'] as const;
const NAME = 'emails';
const JOBS = 3;
const SECRETS = [
  CREDENTIALS,
  CERTIFICATES,
  ...['controller', 'sampler', 'worker', 'backup', 'restore'].map((role) => `redis-${role}`),
];

const table: Record<string, Partial<Record<(typeof STEPS)[number], string>>> = {};
const certificates = new Certificates();
const backups = temporaryFolder('backups');
let stage: Stage;

beforeAll(async () => {
  stage = await Stage.set();
});
afterAll(async () => {
  console.table(table, [...STEPS]);
  await stage?.[Symbol.asyncDispose]();
});

/** A namespace with the Secrets, watched by all four apps. */
async function openNamespace(kind: KindOfRedis, stack: AsyncDisposableStack): Promise<string> {
  const namespace = await stage.controlPlane.createNamespace('kinds');
  for (const [name, texts] of Object.entries(kind.secrets)) {
    // oxlint-disable-next-line no-await-in-loop -- a few
    await stage.secret(namespace, name, { ...texts });
  }
  const scope = [`--namespace-scope=${namespace}`, `--lease-namespace=${namespace}`, '--cluster-id=kinds'];
  const secrets = `--redis-secret-names=${SECRETS.join()}`;
  const bus = ['--bus-secret-name=redis-queue-bus', ...kind.busFlags];
  const apps = await Promise.all([
    stage.start('queue-controller', ...scope, secrets, '--sample-interval=1s'),
    stage.start('autoscaler', ...scope.slice(0, 2), secrets, ...bus),
    stage.start('workerpool-controller', ...scope.slice(0, 2), secrets, ...bus),
    stage.start('backup-controller', ...scope.slice(0, 2), secrets, `--volume-directory=${backups}`),
  ]);
  stack.defer(async () => void (await Promise.all(apps.map((app) => app.stop('SIGKILL')))));
  return namespace;
}

const sizeOf = async (namespace: string): Promise<unknown> =>
  (await stage.read(namespace, `deployment/${NAME}`)).spec['replicas'];

describe('every app works', () => {
  it.each(Object.entries(KINDS_OF_REDIS))(
    'with %s',
    async (title, open) => {
      const row: Partial<Record<(typeof STEPS)[number], string>> = {};
      table[title] = row;
      await using stack = new AsyncDisposableStack();
      const kind = stack.use(await open(certificates));
      const namespace = await openNamespace(kind, stack);
      const connection = kind.connect();
      connection.on('error', () => undefined);
      stack.defer(() => connection.disconnect());
      const queue = new Queue(NAME, { connection, prefix: kind.prefix, skipMetasUpdate: true });

      await stage.apply(namespace, 'Queue', NAME, { globalConcurrency: 7, redis: kind.redis });
      await stage.settled(namespace, `queue/${NAME}`, 'Applied');
      expect(await queue.getGlobalConcurrency()).toBe(7);
      row.governed = '✓';
      await eventually(async () => (await stage.read(namespace, `queue/${NAME}`)).status?.['sampledAt'] !== undefined, {
        timeoutMs: 30_000,
        description: 'the queue to be sampled',
      });
      row.sampled = '✓';

      const autoscaling = { minReplicas: 0, maxReplicas: 5 };
      const pool = { image: 'registry.example/worker', version: '1', queues: [NAME], replicas: 0, autoscaling };
      await stage.apply(namespace, 'WorkerPool', NAME, pool);
      await eventually(async () => (await sizeOf(namespace)) === 0, { timeoutMs: 30_000, description: 'size 0' });
      await queue.addBulk(Array.from({ length: JOBS }, () => ({ name: 'send', data: {} })));
      await eventually(async () => Number(await sizeOf(namespace)) > 0, { timeoutMs: 30_000, description: 'a size' });
      row.woken = '✓';

      const pod = await startPodOf(stage, namespace, NAME, `${import.meta.dirname}/worker.fixture.ts`);
      stack.defer(async () => void (await pod.stop('SIGKILL')));
      await eventually(
        async () => {
          if ((await queue.getCompletedCount()) === JOBS) return true;
          throw new Error(`the pod says ${pod.lines.slice(-5).join(' ')}`);
        },
        { timeoutMs: 30_000, description: 'the jobs to be done' },
      );
      row.worked = '✓';

      await stage.apply(namespace, 'QueueBackup', 'all', { queues: { names: [NAME] }, storage: { volume: {} } });
      await eventually(
        async () => {
          const { status } = await stage.read(namespace, 'queuebackup/all');
          if (status?.['phase'] === 'Completed') return true;
          throw new Error(JSON.stringify(status));
        },
        { timeoutMs: 30_000, intervalMs: 200, description: 'the backup to be complete' },
      );
      row.backedUp = '✓';
    },
    120_000,
  );
});
