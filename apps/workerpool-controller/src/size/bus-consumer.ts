import { createConsumer, type BusRedisOptions, type NamedPool } from '@redis-queue/scaling-bus';
import { consumeDecision, OtherScopeError, type ConsumeDeps } from './consume.ts';

export interface BusConsumerOptions {
  readonly redis: BusRedisOptions;
  /** Decisions handled at once. */
  readonly concurrency: number;
}

/** Consumes decisions until `signal` aborts; handles the ones in hand to the end. */
export async function runBusConsumer(
  { redis, concurrency }: BusConsumerOptions,
  deps: ConsumeDeps,
  signal: AbortSignal,
): Promise<void> {
  const { metrics, log, sources } = deps;
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([stopped, sources.pools.whenSynced(signal)]);
  if (signal.aborted) return;
  const consumer = createConsumer({
    redis,
    concurrency,
    handler: async (decision, context) => {
      await consumeDecision(decision, context, deps);
    },
    observer: {
      handled: (_, lagMs) => metrics.lag(lagMs),
      dropped: (reason, message, pool) => {
        metrics.dropped(reason);
        if (reason === 'unknown-version' && pool) reportNotUnderstood(pool, message, deps);
        log.debug({ reason }, `decision dropped: ${message}`);
      },
      failed: (error) => {
        if (error instanceof OtherScopeError) return metrics.dropped('other-scope');
        metrics.failed();
        log.warn({ err: error }, 'a decision could not be applied; it comes again');
      },
      connectionError: (error) => log.warn({ error: error.message }, 'the bus cannot be reached'),
    },
  });
  await stopped;
  await consumer.close();
}

/** Has the pool's status say that its decisions are of a version that is not understood. */
function reportNotUnderstood({ uid, namespace, name }: NamedPool, message: string, deps: ConsumeDeps): void {
  const key = { namespace, name };
  if (deps.sources.pools.get(key)?.metadata.uid !== uid) return;
  if (deps.ledger.notUnderstood(uid, message)) deps.reconcileSoon(key);
}
