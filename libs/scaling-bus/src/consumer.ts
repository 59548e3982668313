import type { RedisProblem, RedisTarget } from '@redis-queue/bullmq';
import { DelayedError, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { BusWorker } from './bus-worker.ts';
import { BUS_QUEUE, busPrefix, dueDecisions, openBus, redisTimeMs } from './connection.ts';
import { withDeadline } from './deadline.ts';
import { isExpired, parseDecision, type NamedPool, type ParsedDecision, type ScalingDecision } from './decision.ts';
import { FetchWatch } from './fetch-watch.ts';
import { BusMonitor, type BusHealth } from './health.ts';
import { DecisionTurns, MAX_HELD } from './turns.ts';

/** Why the bus itself drops a decision, before the handler sees it. */
export type BusDropReason = 'unknown-version' | 'malformed' | 'expired';

export interface DecisionContext {
  /** The bus's Redis time when the decision was received. */
  readonly nowMs: number;
}

/**
 * Acts on one decision; it is acknowledged when this resolves. When it throws, the decision is delivered again, or a
 * newer one in its place. Decisions may come twice and out of order: the handler fences.
 */
export type DecisionHandler = (decision: ScalingDecision, context: DecisionContext) => Promise<void>;

/** Called with what happens, for metrics and logs; never holds a secret. */
export interface ConsumerObserver {
  /** A decision was handled, `lagMs` after its data was sampled. */
  handled?(decision: ScalingDecision, lagMs: number): void;
  /** `pool`: whose decision it was, as far as the payload says. */
  dropped?(reason: BusDropReason, message: string, pool?: NamedPool): void;
  /** The handler threw; the decision comes again. */
  failed?(error: Error): void;
  /** A decision on the pool has waited for 5 s for a turn of its namespace, or found no room to wait. */
  waits?(pool: NamedPool): void;
  /** How many decisions were fetched and wait for their turn; called whenever that changes. */
  waiting?(count: number): void;
  /** The bus's Redis cannot be reached, or answered with an error; called with every attempt. */
  connectionError?(error: Error): void;
  /** The bus was lost or found for at least 2.5 s, or is lost for another reason. */
  health?(health: BusHealth): void;
}

export interface ConsumerOptions {
  readonly redis: RedisTarget;
  readonly handler: DecisionHandler;
  readonly observer?: ConsumerObserver;
  /** Decisions handled at once, of different pools, with shares and turns by namespace; default 8. */
  readonly concurrency?: number;
}

export interface Consumer extends AsyncDisposable {
  /** Waits for the decisions in progress, then closes. */
  close(): Promise<void>;
}

const TIME_TIMEOUT_MS = 2_000;
const CHECK_MS = 2_500;
/** What fails fewer checks is a pause, after which connections go on. */
const OUTAGE_CHECKS = 2;
const NO_TIME = "the bus did not return Redis' time";
const NO_ANSWER = 'the check of the bus timed out: no answer';
const NOTHING_FETCHED: RedisProblem = {
  reason: 'RedisError',
  message: 'Redis answers, but no decision is fetched although some are due; the consumer begins anew',
};
const NO_DECISION = 'the bus did not return the decision';
/** A decision that waited for longer is read again: a newer one of its pool may have taken its place. */
const READ_AGAIN_AFTER_MS = 100;
/** What waits for longer says so, early enough that its status does within 10 s. */
const SAY_AFTER_MS = 5_000;

/** Opens the consuming side of the bus and starts. It reconnects for as long as it takes. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { redis, handler, observer = {}, concurrency = 8 } = options;
  const clock = openBus(redis, { connectionName: 'redis-queue:bus-consumer' });
  const turns = new DecisionTurns({
    atOnce: concurrency,
    now: () => performance.now(),
    onWaiting: (count) => {
      // What waits for its turn makes room for what may have one: nobody's decision stands behind those of others, also
      // while as many are acted on as may be. Not all at once: BullMQ's worker fetches as many as it may before it
      // begins with the first.
      worker.concurrency = count === 0 ? concurrency : Math.min(2 * concurrency + count, MAX_HELD);
      observer.waiting?.(count);
    },
  });
  const deps: ConsumeDeps = { redis, clock, turns, handler, observer };
  const monitor = new BusMonitor();
  const watch = new FetchWatch();
  const failed = (error: unknown): void => monitor.failed(error, performance.now());
  const worker = new BusWorker({
    redis,
    concurrency,
    work: (job, token) => {
      watch.fetched();
      return consume(job, token, deps);
    },
    onFailed: (error) => observer.failed?.(error),
    onError: (error) => {
      failed(error);
      observer.connectionError?.(error);
    },
  });
  clock.on('error', failed);
  let [closed, failedChecks] = [false, 0];
  const check = async (): Promise<void> => {
    const due = await withDeadline(dueDecisions(clock, redis, Date.now()), TIME_TIMEOUT_MS, NO_ANSWER).catch(failed);
    if (closed) return;
    const wasLost = failedChecks >= OUTAGE_CHECKS;
    failedChecks = due === undefined ? failedChecks + 1 : 0;
    if (worker.refusal) failed(worker.refusal);
    // What it waits for over a connection of the outage may never come.
    if (due !== undefined && wasLost) worker.restart();
    else if (due !== undefined) {
      const state = watch.checked(due, worker.hasRoom);
      if (state !== 'fetches') monitor.found(NOTHING_FETCHED, performance.now());
      if (state === 'replace') worker.restart();
    }
    if (monitor.checked()) observer.health?.(monitor.health);
  };
  const checks = setInterval(() => void check(), CHECK_MS);
  void check();

  const close = async (): Promise<void> => {
    closed = true;
    clearInterval(checks);
    turns.close();
    await worker.close();
    clock.disconnect();
  };
  return { close, [Symbol.asyncDispose]: close };
}

interface ConsumeDeps {
  readonly redis: RedisTarget;
  readonly clock: Redis;
  readonly turns: DecisionTurns;
  readonly handler: DecisionHandler;
  readonly observer: ConsumerObserver;
}

/**
 * Acts on a decision when its namespace has a turn; BullMQ renews its lock until then. Of one that had to wait, the
 * newest of its pool is acted on, which the publisher puts in its place meanwhile.
 */
async function consume(job: Job<unknown>, token: string | undefined, deps: ConsumeDeps): Promise<void> {
  const { turns, observer } = deps;
  const parsed = parseDecision(job.data);
  if (!parsed.ok) return observer.dropped?.(parsed.reason, parsed.message, parsed.pool);
  const { pool } = parsed.decision;
  const fetchedAtMs = performance.now();
  const late = setTimeout(() => observer.waits?.(pool), SAY_AFTER_MS);
  const turn = await turns
    .run(pool.namespace, async () => {
      clearTimeout(late);
      const waited = performance.now() - fetchedAtMs > READ_AGAIN_AFTER_MS;
      await act(waited ? await storedDecision(job, deps) : parsed, deps);
    })
    .finally(() => clearTimeout(late));
  if (turn) return;
  const returnAfterMs = turns.returnAfterMs(pool.namespace);
  if (returnAfterMs > 0) observer.waits?.(pool);
  await job.moveToDelayed(Date.now() + returnAfterMs, token);
  throw new DelayedError();
}

/** The decision as the bus has it now. */
async function storedDecision(job: Job<unknown>, { clock, redis }: ConsumeDeps): Promise<ParsedDecision> {
  const stored = clock.hget(`${busPrefix(redis)}:${BUS_QUEUE}:${job.id}`, 'data');
  return parseDecision(JSON.parse((await withDeadline(stored, TIME_TIMEOUT_MS, NO_DECISION)) ?? 'null'));
}

async function act(parsed: ParsedDecision, { clock, redis, handler, observer }: ConsumeDeps): Promise<void> {
  if (!parsed.ok) return observer.dropped?.(parsed.reason, parsed.message, parsed.pool);
  const { decision } = parsed;
  const nowMs = await withDeadline(redisTimeMs(clock, redis), TIME_TIMEOUT_MS, NO_TIME);
  if (isExpired(decision, nowMs)) {
    const { namespace, name } = decision.pool;
    return observer.dropped?.(
      'expired',
      `the decision on ${namespace}/${name} expired ${nowMs - decision.expiresAt} ms ago`,
      decision.pool,
    );
  }
  const begunAt = performance.now();
  await handler(decision, { nowMs });
  observer.handled?.(decision, nowMs - decision.sampledAt + performance.now() - begunAt);
}
