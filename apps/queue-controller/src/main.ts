import { concurrencyFlag, runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag } from '@redis-queue/redis-access';
import { wireQueueController } from './wire.ts';

await runApp({
  name: 'queue-controller',
  description: 'Reconciles the limits, pause and ownership of queues in Redis with their Queue objects.',
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    concurrency: concurrencyFlag('queues'),
  },
  setup: (manager, { flags }) =>
    wireQueueController(manager, {
      secretNames: flags['redis-secret-names'],
      concurrency: flags.concurrency,
    }),
});
