import { Socket } from 'node:net';
import { SentinelConnector, type Redis, type RedisOptions, type SentinelConnectionOptions } from 'ioredis';
import type { RedisSentinels } from './target.ts';

/** How long a Sentinel may take to name the primary, ms; after that the next one is asked. */
const SENTINEL_TIMEOUT_MS = 2_000;

/** ioredis' options for a primary that Sentinels know. */
export function sentinelOptions(target: RedisSentinels): RedisOptions {
  const { sentinels, masterName, sentinelUsername, sentinelPassword, tls } = target;
  // Each certificate carries its server's own address, unless the spec names one for all.
  const secure = tls && { ...(tls.ca && { ca: tls.ca }), ...(tls.serverName && { servername: tls.serverName }) };
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
  }

  override async connect(...args: Parameters<SentinelConnector['connect']>): Promise<Socket> {
    try {
      return await super.connect(...args);
    } catch (error) {
      this.firstError = error as Error;
      return new Socket().destroy();
    }
  }
}

/**
 * Fails the commands that wait for a connection with the error of the Sentinels; otherwise their error would only
 * mention retries.
 */
export function failWithSentinels(redis: Redis): void {
  redis.on('error', (error: Error) => {
    if (error.message.startsWith('All sentinels')) (redis as unknown as CommandQueues).flushQueue(error);
  });
}

/** What ioredis does itself when a connection is refused; not in its types. */
interface CommandQueues {
  flushQueue(error: Error): void;
}
