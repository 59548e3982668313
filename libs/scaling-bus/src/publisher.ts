import type { RedisTarget } from '@redis-queue/bullmq';
import { ErrorCode, Queue, type Job } from 'bullmq';
import { BUS_QUEUE, busPrefix, openBus, redisTimeMs } from './connection.ts';
import { scalingDecisionSchema, type ScalingDecision } from './decision.ts';
import { withDeadline } from './deadline.ts';
import { formatFence } from './fence.ts';
import { NewestFirst } from './lanes.ts';

export interface PublisherOptions {
  readonly redis: RedisTarget;
  /** How long `publish` and `timeMs` wait for Redis; default 5 s. */
  readonly timeoutMs?: number;
  /** Connection errors, for a log; each call also rejects by itself. */
  readonly onError?: (error: Error) => void;
}

export interface Publisher extends AsyncDisposable {
  /**
   * Puts the decision on the bus, where it takes the place of an older one of the same pool that no consumer has begun.
   * Idempotent: the same decision twice is one.
   *
   * @throws Error when Redis does not take it in time, ZodError when it is no valid decision. Publish a newer one
   * later.
   */
  publish(decision: ScalingDecision): Promise<void>;
  /** How many decisions on the bus were not acted on yet, over all pools; one call of constant cost. */
  unread(): Promise<number>;
  /** The bus's Redis time, ms since 1970; for `epoch`, `sampledAt` and `expiresAt`. */
  timeMs(): Promise<number>;
  close(): Promise<void>;
}

/** Opens the publishing side of the bus. Connects in the background; calls reject while Redis is away. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { redis, timeoutMs = 5_000, onError = () => {} } = options;
  const connection = openBus(redis, { connectionName: 'redis-queue:bus-publisher' });
  const open = (): Queue => {
    const queue = new Queue(BUS_QUEUE, {
      prefix: busPrefix(redis),
      connection,
      streams: { events: { maxLen: 100 } },
      defaultJobOptions: {
        removeOnComplete: { count: 100 },
        removeOnFail: { count: 100 },
        attempts: 10,
        backoff: { type: 'fixed', delay: 250 },
        // Deduplication replaces only delayed jobs; 1 ms makes every decision one for as long as nobody fetches. It is
        // due by every clock: BullMQ sets the time by this process' clock, and compares it with that of the consumer.
        delay: 1,
        timestamp: 1,
      },
    });
    return queue.on('error', onError);
  };
  let current = open();

  /** BullMQ asks for the server's version once: where that was refused, as by a node of a Cluster, it begins anew. */
  async function ready(): Promise<Queue> {
    const queue = current;
    try {
      await queue.waitUntilReady();
      return queue;
    } catch (error) {
      if (current === queue) {
        current = open();
        queue.close().catch(onError);
      }
      throw error;
    }
  }

  /** @returns the job that stands in the way when an older decision of the pool is waiting or active. */
  async function add(decision: ScalingDecision): Promise<Job | undefined> {
    const { uid } = decision.pool;
    const jobId = `${uid}.${formatFence(decision)}`;
    const deduplication = { id: uid, replace: true, keepLastIfActive: true };
    const queue = await ready();
    const job = await queue.add('decision', decision, { jobId, deduplication });
    return job.id === jobId ? undefined : job;
  }

  async function send(decision: ScalingDecision): Promise<void> {
    const older = await add(decision);
    if (!older) return;
    // Waiting: only its data can be replaced. Active: `add` has stored ours as the next. It may have turned from one
    // into the other, or gone, between the two commands, so `add` again: then it is one that holds ours, or active.
    await older.updateData(decision).catch(rethrowUnlessGone);
    await add(decision);
  }

  const lanes = new NewestFirst(send);

  const close = async (): Promise<void> => {
    await withDeadline(current.close(), timeoutMs, 'the bus did not close').catch(onError);
    connection.disconnect();
  };
  return {
    publish: async (decision) =>
      withDeadline(
        lanes.offer(decision.pool.uid, scalingDecisionSchema.parse(decision)),
        timeoutMs,
        'the bus did not take the decision',
      ),
    unread: () =>
      withDeadline(
        ready().then((queue) => queue.getJobCountByTypes('wait', 'delayed', 'active')),
        timeoutMs,
        'the bus did not return its backlog',
      ),
    timeMs: () => withDeadline(redisTimeMs(connection, redis), timeoutMs, "the bus did not return Redis' time"),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function rethrowUnlessGone(error: unknown): void {
  if ((error as { code?: unknown }).code !== ErrorCode.JobNotExist) throw error;
}
