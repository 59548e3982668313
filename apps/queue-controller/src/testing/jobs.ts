import type { RedisServer } from '@redis-queue/rig';
import { Queue, Worker, type Processor } from 'bullmq';

/** Real producers and workers. */
export interface JobClients extends AsyncDisposable {
  producer(name: string): Queue;
  worker(name: string, process: Processor): Worker;
}

export function jobsOf({ host, port }: RedisServer): JobClients {
  const clients: { close(force?: boolean): Promise<void> }[] = [];
  const track = <T extends NodeJS.EventEmitter & { close(force?: boolean): Promise<void> }>(client: T): T => {
    client.on('error', () => {});
    clients.push(client);
    return client;
  };
  return {
    producer: (name) => track(new Queue(name, { connection: { host, port } })),
    worker: (name, process) =>
      track(new Worker(name, process, { connection: { host, port, maxRetriesPerRequest: null }, concurrency: 5 })),
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}
