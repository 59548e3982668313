import { APPS } from '@redis-queue/api';
import { concurrencyFlag, runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag } from '@redis-queue/redis-access';
import { clusterIdFlag } from './cluster-id.ts';
import { CONCURRENCY, wireQueueController } from './wire.ts';

await runApp({
  name: 'queue-controller',
  description: APPS['queue-controller'].summary,
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    'cluster-id': clusterIdFlag,
    concurrency: concurrencyFlag('queues', CONCURRENCY),
  },
  setup: (manager, { flags }) =>
    wireQueueController(manager, {
      secretNames: flags['redis-secret-names'],
      clusterId: flags['cluster-id'],
      concurrency: flags.concurrency,
    }),
});
