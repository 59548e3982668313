import { createConsumer, type BusRedisOptions, type NamedPool } from '@redis-queue/scaling-bus';
import type { BusLink } from './bus-state.ts';
import { consumeDecision, OtherScopeError, type ConsumeDeps } from './consume.ts';

export interface BusConsumerOptions {
  readonly redis: BusRedisOptions;
  /** Decisions handled at once. */
  readonly concurrency: number;
}

export interface BusConsumerDeps extends ConsumeDeps {
  readonly link: BusLink;
  /** Shows whether the bus answers. */
  readonly connected: { set(value: 0 | 1): void };
  /** Called when the state of the link has changed. */
  readonly onBusChange: () => void;
}

/** Consumes decisions until `signal` aborts; handles the ones in hand to the end. */
export async function runBusConsumer(
  { redis, concurrency }: BusConsumerOptions,
  deps: BusConsumerDeps,
  signal: AbortSignal,
): Promise<void> {
  const { metrics, log, sources, link, connected, onBusChange } = deps;
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
      // With every attempt; what it comes to is said once, below.
      connectionError: (error) => log.debug({ error: error.message }, 'an error of the connection to the bus'),
      health: (health) => {
        const was = link.health;
        link.health = health;
        connected.set(health === 'works' ? 1 : 0);
        if (typeof health === 'object')
          log.warn({ reason: health.reason }, `the bus cannot be used: ${health.message}`);
        else if (was !== 'unknown') log.info({}, 'the bus can be used again');
        onBusChange();
      },
    },
  });
  await stopped;
  link.health = 'unknown';
  connected.set(0);
  await consumer.close();
}

/** Has the pool's status say that its decisions are of a version that is not understood. */
function reportNotUnderstood({ uid, namespace, name }: NamedPool, message: string, deps: ConsumeDeps): void {
  const key = { namespace, name };
  if (deps.sources.pools.get(key)?.metadata.uid !== uid) return;
  if (deps.ledger.notUnderstood(uid, message)) deps.reconcileSoon(key);
}
