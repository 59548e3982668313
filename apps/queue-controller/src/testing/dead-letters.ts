import { QUEUE_REDRIVES, type QueueRedriveSpec } from '@redis-queue/api';
import { readRedriveState, settleFailedJobs } from '@redis-queue/bullmq';
import { eventually } from '@redis-queue/rig';
import { Queue as BullQueue, Worker, type JobsOptions } from 'bullmq';
import type { RedriveObject } from '../redrive/redrives.ts';
import type { TestCluster } from './cluster.ts';

/** A job that is to die: its name, data and options, and the reason with which it fails. */
export interface Doomed {
  readonly name?: string;
  readonly data?: object;
  readonly opts?: JobsOptions;
  readonly reason?: string;
}

/** Jobs of real BullMQ that die by a real worker, are moved by the mover, and put back by redrives. */
export class DeadLetters {
  readonly #t: TestCluster;

  constructor(t: TestCluster) {
    this.#t = t;
  }

  /** Runs `use` with a producer of the queue of that name in Redis. */
  async producer<T>(name: string, use: (queue: BullQueue) => Promise<T>): Promise<T> {
    const queue = new BullQueue(name, { connection: this.#connection(), skipMetasUpdate: true });
    try {
      return await use(queue);
    } finally {
      await queue.close();
    }
  }

  worker(name: string, run: ConstructorParameters<typeof Worker>[1]): Worker {
    return new Worker(name, run, { connection: this.#connection(), concurrency: 50 });
  }

  /** Adds the jobs, has each of them die, and makes them dead letters. */
  async die(name: string, jobs: readonly Doomed[]): Promise<void> {
    const add = ({ name: job = 'job', data = {}, opts, reason = 'no' }: Doomed) => ({
      name: job,
      data: { ...data, reason },
      opts: opts ?? {},
    });
    await this.producer(name, (queue) => queue.addBulk(jobs.map(add)));
    const before = (await this.letters(name)).length;
    const worker = this.worker(name, ({ data }) => Promise.reject(new Error((data as { reason: string }).reason)));
    await eventually(async () => {
      await this.settle(name);
      return (await this.letters(name)).length === before + jobs.length;
    });
    await worker.close();
  }

  /** A round of the mover. */
  async settle(name: string): Promise<void> {
    const { redis } = this.#t;
    const ref = { prefix: 'bull', name };
    const { queueMark = '', deadLetterMark = '' } = await readRedriveState(redis, ref, 'none');
    const fence = { queueMark, deadLetterMark, untilMs: Number.MAX_SAFE_INTEGER };
    await settleFailedJobs((call) => call(redis), ref, { maxRetries: 0, fence, random: Math.random });
  }

  /** Ids of the dead letters, oldest first. */
  async letters(name: string): Promise<string[]> {
    return await this.#t.redis.zrange(`bull:${name}-dlq:failed`, 0, '-1');
  }

  async redrive(namespace: string, name: string, spec: Partial<QueueRedriveSpec> & { queue: string }) {
    const { queue, ...rest } = spec;
    const whole = { queueRef: { name: queue }, ...rest };
    return await this.#t.rig.objects.create<RedriveObject>(QUEUE_REDRIVES, { namespace, name }, whole);
  }

  async read(redrive: RedriveObject): Promise<RedriveObject> {
    return await this.#t.rig.objects.read(QUEUE_REDRIVES, redrive);
  }

  /** Waits until Ready has that reason. */
  async settled(redrive: RedriveObject, reason: string): Promise<RedriveObject> {
    return await this.#t.rig.objects.settled(QUEUE_REDRIVES, redrive, reason);
  }

  #connection(): { host: string; port: number } {
    const { host, port } = this.#t.server;
    return { host, port };
  }
}
