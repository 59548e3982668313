import { APPS } from '@redis-queue/api';
import { durationFlag, runApp } from '@redis-queue/controller';
import { redisSecretNamesFlag } from '@redis-queue/redis-access';
import { busFlags, readBusFlags } from '@redis-queue/scaling-bus';
import { wireAutoscaler } from './wire.ts';

await runApp({
  name: 'autoscaler',
  description: APPS.autoscaler.summary,
  flags: {
    'redis-secret-names': redisSecretNamesFlag,
    ...busFlags,
    'pod-start-time': durationFlag(
      {
        default: '10s',
        help: 'The first guess of how long a pod takes to start, for pools of which it was not measured yet (status.podStartSeconds); delayed jobs due within it are load already. The Helm value podStartTime.',
      },
      { min: '1s', max: '1h' },
    ),
    'node-start-time': durationFlag(
      {
        default: '5m',
        help: 'How long a node takes to start: pods that wait for one keep their pool from growing only after this. The Helm value nodeStartTime.',
      },
      { min: '1s', max: '1h' },
    ),
  },
  setup: (manager, { flags, env, pod }) =>
    wireAutoscaler(manager, {
      secretNames: flags['redis-secret-names'],
      podStartMs: flags['pod-start-time'],
      nodeStartMs: flags['node-start-time'],
      bus: readBusFlags(flags, env, pod.namespace),
    }),
});
