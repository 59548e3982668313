import { setTimeout as sleep } from 'node:timers/promises';
import { retryAfterMs, type RedisTarget } from '@redis-queue/bullmq';
import { Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { BUS_QUEUE, busPrefix, openBus } from './connection.ts';
import { withDeadline } from './deadline.ts';

export interface BusWorkerOptions {
  readonly redis: RedisTarget;
  readonly work: (job: Job<unknown>, token: string | undefined) => Promise<void>;
  readonly concurrency: number;
  /** Called with what `work` throws. */
  readonly onFailed: (error: Error) => void;
  /** Called with errors of the connection, and of BullMQ. */
  readonly onError: (error: Error) => void;
}

/**
 * A consumer that is killed leaves its decisions locked, and newer ones wait behind them: 5 s of lock and a check
 * every 2.5 s bring them back within 10 s.
 */
const LOCK_MS = 5_000;
const STALL_CHECK_MS = 2_500;
/** After an error of Redis; BullMQ would wait for 15 s. */
const RETRY_MS = 500;
const CLOSE_TIMEOUT_MS = 5_000;
const NOT_CLOSED = 'the bus did not close; decisions in progress come again';

/** One of BullMQ's workers, and its connection. */
interface Session {
  readonly worker: Worker<unknown>;
  readonly connection: Redis;
  readonly ended: AbortController;
}

/**
 * BullMQ's worker on the bus, and another one where this one cannot work any more: BullMQ asks for the server's version
 * once, in a Cluster any node, and a worker to which that was refused would ask for jobs without a pause for ever.
 */
export class BusWorker {
  readonly #options: BusWorkerOptions;
  readonly #closing = new AbortController();
  #session: Session;
  #concurrency: number;

  constructor(options: BusWorkerOptions) {
    this.#options = options;
    this.#concurrency = options.concurrency;
    this.#session = this.#open();
    void this.#run();
  }

  /** How many jobs it fetches before the first of them is done. */
  set concurrency(value: number) {
    this.#concurrency = value;
    this.#session.worker.concurrency = value;
  }

  /** Has another worker, with a new connection, take the place of this one; what it does comes again. */
  restart(): void {
    this.#session.ended.abort();
  }

  /** Waits for the jobs in progress, for some seconds. */
  async close(): Promise<void> {
    this.#closing.abort();
    const { worker, connection, ended } = this.#session;
    ended.abort();
    await withDeadline(worker.close(), CLOSE_TIMEOUT_MS, NOT_CLOSED).catch(this.#options.onError);
    connection.disconnect();
  }

  async #run(): Promise<void> {
    const { onError } = this.#options;
    while (!this.#closing.signal.aborted) {
      const { worker, connection, ended } = this.#session;
      const whenEnded = new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve()));
      try {
        // oxlint-disable-next-line no-await-in-loop -- one worker after the other
        await Promise.race([worker.waitUntilReady(), whenEnded]);
        if (!ended.signal.aborted) worker.run().catch(onError);
        // oxlint-disable-next-line no-await-in-loop
        await whenEnded;
      } catch (error) {
        onError(error as Error);
      }
      if (this.#closing.signal.aborted) return;
      ended.abort();
      void withDeadline(worker.close(true), CLOSE_TIMEOUT_MS, NOT_CLOSED)
        .catch(onError)
        .finally(() => connection.disconnect());
      // oxlint-disable-next-line no-await-in-loop
      await sleep(RETRY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (!this.#closing.signal.aborted) this.#session = this.#open();
    }
  }

  #open(): Session {
    const { redis, work, onFailed, onError } = this.#options;
    const ended = new AbortController();
    // A connection of its own, because it has to notice a server that fell silent; BullMQ watches only the one that
    // blocks.
    const connection = openBus(redis, {
      connectionName: 'redis-queue:bus-consumer',
      maxRetriesPerRequest: null,
      commandTimeout: undefined,
      // null ends the connection: otherwise a worker without Redis would wait for it before it closes.
      retryStrategy: (attempt) => (ended.signal.aborted ? null : retryAfterMs(attempt)),
    });
    connection.on('error', onError);
    const worker = new Worker<unknown>(BUS_QUEUE, work, {
      prefix: busPrefix(redis),
      connection,
      concurrency: this.#concurrency,
      autorun: false,
      lockDuration: LOCK_MS,
      stalledInterval: STALL_CHECK_MS,
      maxStalledCount: 1_000,
      runRetryDelay: RETRY_MS,
      removeOnComplete: { count: 100 },
      removeOnFail: { count: 100 },
    });
    worker.on('failed', (_, error) => onFailed(error));
    worker.on('error', onError);
    return { worker, connection, ended };
  }
}
