import { createLog, createManager, loadKubeClient } from '@redis-queue/controller';
import { CONCURRENCY, wireQueueController } from '@redis-queue/queue-controller/wire';
import { Registry } from 'prom-client';

// The queue-controller, whose certificate is renewed every few seconds instead of every day.

const { KUBECONFIG: kubeconfigPath = '', WEBHOOKS = '{}', HTTP_PORT = '0' } = process.env;
const manager = createManager({
  name: 'queue-controller',
  client: loadKubeClient({ kubeconfigPath }),
  log: createLog({ name: 'queue-controller', level: 'info' }),
  registry: new Registry(),
  httpPort: Number(HTTP_PORT),
  leaderElection: false,
});
await wireQueueController(manager, {
  secretNames: ['redis-credentials'],
  clusterId: 'bench',
  concurrency: CONCURRENCY,
  sampleIntervalMs: 30_000,
  driftCheckMs: 3_000,
  admission: JSON.parse(WEBHOOKS) as NonNullable<Parameters<typeof wireQueueController>[1]['admission']>,
});
await manager.run();
