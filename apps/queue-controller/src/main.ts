import { APPS, QUEUES } from '@redis-queue/api';
import { admissionFlags, admissionOptions, concurrencyFlag, durationFlag, runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag } from '@redis-queue/redis-access';
import { DATA_FINALIZER } from './deletion/policy.ts';
import { clusterIdFlag } from './ownership/cluster-id.ts';
import { CONCURRENCY, wireQueueController } from './wire.ts';

await runApp({
  name: 'queue-controller',
  description: APPS['queue-controller'].summary,
  holds: [
    {
      type: QUEUES,
      finalizer: DATA_FINALIZER,
      leaves: 'its data stays in Redis, paused where a removal was under way',
    },
  ],
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    'cluster-id': clusterIdFlag,
    ...admissionFlags,
    concurrency: concurrencyFlag('queues', CONCURRENCY),
    'sample-interval': durationFlag(
      { default: '30s', help: 'How often the jobs of every queue are counted. The Helm value sampleInterval.' },
      { min: '1s', max: '10m' },
    ),
    'drift-interval': durationFlag(
      {
        default: '3s',
        help: 'How often the queues are compared with Redis, to repair what others changed there; in every second round those of a Redis for which that takes more than 1 % of the time. The Helm value driftInterval.',
      },
      { min: '1s', max: '10m' },
    ),
  },
  setup: (manager, { flags, pod }) =>
    wireQueueController(manager, {
      secretNames: flags['redis-secret-names'],
      clusterId: flags['cluster-id'],
      concurrency: flags.concurrency,
      sampleIntervalMs: flags['sample-interval'],
      driftCheckMs: flags['drift-interval'],
      admission: admissionOptions(flags, pod.namespace),
    }),
});
