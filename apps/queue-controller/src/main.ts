import { DEFAULT_REDIS_SECRET } from '@redis-queue/api';
import { concurrencyFlag, runApp } from '@redis-queue/controller';
import { wireQueueController } from './wire.ts';

await runApp({
  name: 'queue-controller',
  description: 'Keeps what Queue objects say of limits, pause and ownership true in Redis.',
  flags: {
    'redis-secret-names': {
      default: DEFAULT_REDIS_SECRET,
      help: 'Secrets that may be read, comma-separated; the Helm value redis.secretNames',
      placeholder: 'NAMES',
    },
    concurrency: concurrencyFlag('queues'),
  },
  setup: (manager, { flags }) =>
    wireQueueController(manager, {
      secretNames: flags['redis-secret-names']
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
      concurrency: flags.concurrency,
    }),
});
