import { connectionKey, RedisConnections } from '@redis-queue/bullmq';
import { runApp } from '@redis-queue/controller';
import { busRedisFromEnvironment, createPublisher } from '@redis-queue/scaling-bus';
import { DEFAULT_REDIS_SECRET, parseDuration } from '@redis-queue/api';
import { Autoscaler } from './autoscaler.ts';
import { Bell } from './triggers.ts';
import { watchCluster } from './watching/cluster.ts';
import { AutoscalerMetrics } from './metrics/autoscaler-metrics.ts';

await runApp({
  name: 'autoscaler',
  description: 'Samples the queues of autoscaled worker pools, decides their sizes and publishes them on the bus.',
  flags: {
    'redis-secret-names': {
      default: DEFAULT_REDIS_SECRET,
      help: 'Secrets that Queues may name, comma separated (Helm value redis.secretNames)',
      placeholder: 'NAMES',
    },
    'pod-start-time': {
      default: '10s',
      help: 'How long a pod takes until its first job; delayed jobs due within it are load already',
      placeholder: 'DURATION',
    },
  },
  setup(manager, { flags, env }) {
    const redis = busRedisFromEnvironment(env);
    if (redis === undefined) {
      throw new Error('the bus is not configured: set BUS_REDIS_URL or BUS_REDIS_HOST (Helm: Secret redis-queue-bus)');
    }
    const names = flags['redis-secret-names'].split(',').map((name) => name.trim());
    const podStartMs = parseDuration(flags['pod-start-time']);
    const bell = new Bell();
    const cluster = watchCluster(manager, names.filter(Boolean), bell);
    const metrics = new AutoscalerMetrics(manager.registry);
    manager.runnable({
      name: 'autoscaler',
      leaderOnly: true,
      async run(signal) {
        await cluster.whenSynced(signal);
        bell.topologyChanged();
        const connections = new RedisConnections({
          clientName: 'redis-queue-autoscaler',
          onChange: (target, up) => void (up && bell.redisIsBack(connectionKey(target))),
        });
        await using bus = createPublisher({ redis });
        await new Autoscaler({
          ...cluster,
          connections,
          bus,
          bell,
          metrics,
          log: manager.log,
          podStartMs,
          // Whole numbers: V8 keeps others in an object each, and of every queue dozens of times are remembered.
          now: () => Math.floor(performance.now()),
        }).run(signal);
        connections.close();
      },
    });
  },
});
