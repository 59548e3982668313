import { DEFAULT_REDIS_SECRET } from '@redis-queue/api';
import { runApp } from '@redis-queue/controller';
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
    concurrency: { default: '8', help: 'queues reconciled at once', placeholder: 'N' },
  },
  setup: (manager, { flags }) =>
    wireQueueController(manager, {
      secretNames: flags['redis-secret-names']
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
      concurrency: Number(flags.concurrency),
    }),
});
