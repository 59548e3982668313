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
/** After an error of the connection; BullMQ would wait for 15 s. */
const RETRY_MS = 500;
/** Between two workers, while what they ask for is refused. */
const MAX_RETRY_MS = 4_000;
/** A worker that lasts for as long was not refused what it asks for. */
const LASTS_MS = 2 * MAX_RETRY_MS;
const CLOSE_TIMEOUT_MS = 5_000;
const NOT_CLOSED = 'the bus did not close; decisions in progress come again';

/** One of BullMQ's workers, and its connection. */
interface Session {
  readonly worker: Worker<unknown>;
  readonly connection: Redis;
  readonly ended: AbortController;
  inHand: number;
}

/**
 * BullMQ's worker on the bus, and another one, with new connections, where this one cannot work any more. BullMQ asks for
 * the server's version once, in a Cluster any node; and a worker to which jobs are refused (by a replica, for want of a
 * right or of memory) asks again without a pause. So what refuses ends the worker, and the next begins after a pause.
 */
export class BusWorker {
  readonly #options: BusWorkerOptions;
  readonly #closing = new AbortController();
  #session: Session;
  #concurrency: number;
  #refusal: Error | undefined;

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

  /** Whether it would fetch another one. */
  get hasRoom(): boolean {
    return this.#session.inHand < this.#concurrency;
  }

  /** What ended the last worker, until one has fetched something, or has lasted. */
  get refusal(): Error | undefined {
    return this.#refusal;
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
    let pauseMs = RETRY_MS;
    while (!this.#closing.signal.aborted) {
      const openedMs = performance.now();
      const { worker, connection, ended } = this.#session;
      const whenEnded = new Promise<void>((resolve) => ended.signal.addEventListener('abort', () => resolve()));
      try {
        // oxlint-disable-next-line no-await-in-loop -- one worker after the other
        await Promise.race([worker.waitUntilReady(), whenEnded]);
        const end = (): void => ended.abort();
        if (!ended.signal.aborted) worker.run().catch(onError).finally(end);
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
      if (performance.now() - openedMs > LASTS_MS) pauseMs = RETRY_MS;
      // oxlint-disable-next-line no-await-in-loop
      await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, MAX_RETRY_MS);
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
    const counted = async (job: Job<unknown>, token: string | undefined): Promise<void> => {
      this.#refusal = undefined;
      session.inHand++;
      try {
        await work(job, token);
      } finally {
        session.inHand--;
      }
    };
    const worker = new Worker<unknown>(BUS_QUEUE, counted, {
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
    worker.on('error', (error) => {
      if (ended.signal.aborted) return;
      onError(error);
      if (!asksAgainAtOnce(error)) return;
      this.#refusal = error;
      ended.abort();
    });
    const lasts = setTimeout(() => (this.#refusal = undefined), LASTS_MS).unref();
    ended.signal.addEventListener('abort', () => clearTimeout(lasts));
    const session: Session = { worker, connection, ended, inHand: 0 };
    return session;
  }
}

/**
 * Whether BullMQ asks for the next job at once after this error, for as long as it comes: what Redis says, a redirection
 * in a Cluster that does not end. After errors of a connection, which have a code, it waits; those of a job's own (its
 * lock is gone) say nothing of the next one.
 */
function asksAgainAtOnce(error: Error & { code?: unknown }): boolean {
  if (error.name === 'ReplyError') return true;
  return error.code === undefined && !/^Connection is closed|^could not renew lock/.test(error.message);
}
