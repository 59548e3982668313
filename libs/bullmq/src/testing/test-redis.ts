import { startRedis, type RedisServer } from '@redis-queue/rig';
import { Queue, Worker, type Processor, type WorkerOptions } from 'bullmq';
import { Redis } from 'ioredis';
import type { QueueRef } from '../redis/keys.ts';
import type { RedisAddress } from '../connections/target.ts';

/** A real Redis, a connection to it, and BullMQ clients on it, all closed with it. */
export interface TestRedis extends AsyncDisposable {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly target: RedisAddress;
  producer(ref: QueueRef): Queue;
  worker(ref: QueueRef, process: Processor, options?: TestWorkerOptions): Worker;
}

type TestWorkerOptions = Pick<
  WorkerOptions,
  'concurrency' | 'stalledInterval' | 'maxStalledCount' | 'drainDelay' | 'limiter'
> & {
  readonly metrics?: boolean;
};

/** @param program of the server; absent: redis-server. */
export async function testRedis(args: string[] = [], program?: string): Promise<TestRedis> {
  const server = await startRedis({ args, ...(program !== undefined && { program }) });
  const target = { host: server.host, port: server.port };
  const redis = new Redis({ ...target, maxRetriesPerRequest: 1 });
  redis.on('error', () => {});
  const clients: { close(force?: boolean): Promise<void> }[] = [];
  const track = <T extends NodeJS.EventEmitter & { close(force?: boolean): Promise<void> }>(client: T): T => {
    client.on('error', () => {});
    clients.push(client);
    return client;
  };
  return {
    server,
    redis,
    target,
    producer: ({ prefix, name }) => track(new Queue(name, { prefix, connection: redis })),
    worker: ({ prefix, name }, process, { concurrency = 1, metrics = false, ...others } = {}) =>
      track(
        new Worker(name, process, {
          prefix,
          concurrency,
          ...others,
          connection: { ...target, maxRetriesPerRequest: null },
          ...(metrics && { metrics: { maxDataPoints: 10 } }),
        }),
      ),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close(true)));
      redis.disconnect();
      await server.stop();
    },
  };
}
