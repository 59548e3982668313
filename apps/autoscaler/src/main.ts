import { APPS, parseDuration } from '@redis-queue/api';
import { runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag } from '@redis-queue/redis-access';
import { busFlags, readBusFlags } from '@redis-queue/scaling-bus';
import { wireAutoscaler } from './wire.ts';

await runApp({
  name: 'autoscaler',
  description: APPS.autoscaler.summary,
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    ...busFlags,
    'pod-start-time': {
      default: '10s',
      help: 'How long a pod takes until its first job; delayed jobs due within it are load already',
      placeholder: 'DURATION',
    },
  },
  setup: (manager, { flags, env, pod }) =>
    wireAutoscaler(manager, {
      secretNames: flags['redis-secret-names'],
      podStartMs: parseDuration(flags['pod-start-time']),
      bus: readBusFlags(flags, env, pod.namespace),
    }),
});
