import { createConsumer, type ConsumerOptions, type NamedPool } from '@redis-queue/scaling-bus';
import type { BusLink } from './bus-state.ts';
import { consumeDecision, OtherScopeError, type ConsumeDeps } from './consume.ts';

export interface BusConsumerOptions {
  readonly redis: ConsumerOptions['redis'];
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
      waits: (pool) => reportWaiting(pool, deps),
      waiting: (count) => metrics.waiting(count),
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

/** Has the pool's status say that its decision waits, unless it says already why none could be applied. */
function reportWaiting({ uid, namespace, name }: NamedPool, deps: ConsumeDeps): void {
  const { ledger, sources } = deps;
  const key = { namespace, name };
  const nowMs = deps.now().getTime();
  if (sources.pools.get(key)?.metadata.uid !== uid) return;
  const known = ledger.unapplied(uid, nowMs)?.problem.reason;
  if (known !== undefined && known !== 'WaitingForTurn') return;
  const message = `it waits for its turn: namespace ${namespace} has as many sizes being written as its share allows; look at what makes writes of its Deployments slow, such as an admission webhook`;
  if (ledger.notApplied(uid, { reason: 'WaitingForTurn', message }, nowMs)) deps.reconcileSoon(key);
}

/** Has the pool's status say that its decisions are of a version that is not understood. */
function reportNotUnderstood({ uid, namespace, name }: NamedPool, message: string, deps: ConsumeDeps): void {
  const key = { namespace, name };
  if (deps.sources.pools.get(key)?.metadata.uid !== uid) return;
  if (deps.ledger.notUnderstood(uid, message)) deps.reconcileSoon(key);
}
