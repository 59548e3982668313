import { DEFAULT_REDIS_SECRET } from '@redis-queue/api';
import { concurrencyFlag, runApp } from '@redis-queue/controller';
import { busRedisFromEnvironment } from '@redis-queue/scaling-bus';
import { wireWorkerPoolController } from './wire.ts';

await runApp({
  name: 'workerpool-controller',
  description: 'Runs the worker pods of WorkerPool objects, as many as the autoscaler or spec.replicas says.',
  flags: {
    'redis-secret-names': {
      default: DEFAULT_REDIS_SECRET,
      help: 'Secrets that may be read, comma-separated; the Helm value redis.secretNames',
      placeholder: 'NAMES',
    },
    'worker-secret-names': {
      default: '',
      help: 'further Secrets that may be read, so that pods that use them follow their changes; the Helm value workers.secretNames',
      placeholder: 'NAMES',
    },
    concurrency: concurrencyFlag('pools'),
  },
  setup: (manager, { flags, env }) =>
    wireWorkerPoolController(manager, {
      secretNames: namesIn(flags['redis-secret-names']),
      workerSecretNames: namesIn(flags['worker-secret-names']),
      bus: busRedisFromEnvironment(env),
      concurrency: flags.concurrency,
    }),
});

function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
