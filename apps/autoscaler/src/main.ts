import { DEFAULT_REDIS_SECRET, parseDuration } from '@redis-queue/api';
import { runApp } from '@redis-queue/controller';
import { busRedisFromEnvironment } from '@redis-queue/scaling-bus';
import { wireAutoscaler } from './wire.ts';

await runApp({
  name: 'autoscaler',
  description: 'Samples the queues of autoscaled worker pools, decides their sizes and publishes them on the bus.',
  flags: {
    'redis-secret-names': {
      default: DEFAULT_REDIS_SECRET,
      help: 'Secrets that Queues may name, comma-separated; the Helm value redis.secretNames',
      placeholder: 'NAMES',
    },
    'pod-start-time': {
      default: '10s',
      help: 'How long a pod takes until its first job; delayed jobs due within it are load already',
      placeholder: 'DURATION',
    },
  },
  setup: (manager, { flags, env }) =>
    wireAutoscaler(manager, {
      secretNames: flags['redis-secret-names']
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== ''),
      podStartMs: parseDuration(flags['pod-start-time']),
      bus: busRedisFromEnvironment(env),
    }),
});
