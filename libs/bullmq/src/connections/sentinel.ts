import { Socket } from 'node:net';
import {
  SentinelConnector,
  SentinelIterator,
  type Redis,
  type RedisOptions,
  type SentinelConnectionOptions,
} from 'ioredis';
import { failWithConnection, GuardedConnector, guardReplies } from '../redis/reply-guard.ts';
import { certificatesOf, type RedisSentinels } from './target.ts';

/** How long a Sentinel may take to name the primary, ms; after that the next one is asked. */
const SENTINEL_TIMEOUT_MS = 2_000;

/** Sentinels that are remembered beside those of the target, because another Sentinel named them. */
const MAX_NAMED_SENTINELS = 32;

/** ioredis' options for a primary that Sentinels know. */
export function sentinelOptions(target: RedisSentinels): RedisOptions {
  const { sentinels, masterName, sentinelUsername, sentinelPassword, tls } = target;
  // Each certificate carries its server's own address, unless the spec names one for all.
  const secure = tls && { ...certificatesOf(tls), ...(tls.serverName && { servername: tls.serverName }) };
  return {
    Connector: LastingSentinelConnector,
    sentinels: sentinels.map(({ host, port }) => ({ host, port })),
    name: masterName,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    ...(secure && { tls: secure, sentinelTLS: secure, enableTLSForSentinelMode: true }),
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: () => null,
  };
}

/**
 * While no Sentinel names a primary, as during a failover, ioredis' own connector either retries in silence, so that
 * commands wait without an error, or ends the connection for good. With this one the attempt fails like one to a single
 * server: `retryStrategy` says when to try again.
 */
class LastingSentinelConnector extends SentinelConnector {
  constructor(options: unknown) {
    super(options as SentinelConnectionOptions);
    this.sentinelIterator = new BoundedIterator(this.options.sentinels ?? []);
    const clients = this as unknown as SentinelClients;
    const open = clients.connectToSentinel.bind(this);
    clients.connectToSentinel = (sentinel, more) => {
      const client = open(sentinel, { ...more, Connector: GuardedConnector });
      failWithConnection(client);
      return client;
    };
  }

  override check(info: { role?: string } | null): boolean {
    return super.check(info ?? {});
  }

  override async connect(...args: Parameters<SentinelConnector['connect']>): Promise<Socket> {
    try {
      return guardReplies(await super.connect(...args));
    } catch (error) {
      this.firstError = error as Error;
      return new Socket().destroy();
    }
  }
}

/** Compares each Sentinel that is named with all that are known, so that a list of any length would take minutes. */
class BoundedIterator extends SentinelIterator {
  #named = 0;

  override add(sentinel: Parameters<SentinelIterator['add']>[0]): boolean {
    const isNew = this.#named < MAX_NAMED_SENTINELS && super.add(sentinel);
    if (isNew) this.#named++;
    return isNew;
  }
}

/** How ioredis opens connections to Sentinels; not in its types. */
interface SentinelClients {
  connectToSentinel(sentinel: object, more?: RedisOptions): Redis;
}
