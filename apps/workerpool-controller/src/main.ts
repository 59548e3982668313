import { APPS } from '@redis-queue/api';
import { concurrencyFlag, runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag, secretNamesFlag } from '@redis-queue/redis-access';
import { busFlags, readBusFlags } from '@redis-queue/scaling-bus';
import { podUserFlag } from './deployment/template/pod-user-flag.ts';
import { wireWorkerPoolController } from './wire.ts';

await runApp({
  name: 'workerpool-controller',
  description: APPS['workerpool-controller'].summary,
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    ...busFlags,
    'worker-secret-names': secretNamesFlag({
      default: '',
      help: 'Further Secrets that may be read, so that pods that use them follow their changes; the Helm value workers.secretNames.',
    }),
    'worker-run-as-user': podUserFlag,
    concurrency: concurrencyFlag('pools'),
  },
  setup: (manager, { flags, env, pod }) =>
    wireWorkerPoolController(manager, {
      secretNames: flags['redis-secret-names'],
      workerSecretNames: flags['worker-secret-names'],
      podUser: flags['worker-run-as-user'],
      bus: readBusFlags(flags, env, pod.namespace),
      concurrency: flags.concurrency,
    }),
});
