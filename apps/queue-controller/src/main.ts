import { runApp } from '@redis-queue/controller';
import { readSecretNames, REDIS_SECRET_NAMES_FLAG } from '@redis-queue/redis-access';
import { wireQueueController } from './wire.ts';

await runApp({
  name: 'queue-controller',
  description: 'Keeps what Queue objects say of limits, pause and ownership true in Redis.',
  flags: {
    ...REDIS_SECRET_NAMES_FLAG,
    concurrency: { default: '8', help: 'queues reconciled at once', placeholder: 'N' },
  },
  setup: (manager, { flags }) =>
    wireQueueController(manager, {
      secretNames: readSecretNames(flags, 'redis-secret-names'),
      concurrency: Number(flags.concurrency),
    }),
});
