import { Redis, type RedisOptions } from 'ioredis';
import { connectionKey, type RedisTarget } from './target.ts';

/** How a controller waits for Redis: it fails fast and comes back later, unlike a worker. */
export const FAIL_FAST: Pick<
  RedisOptions,
  'maxRetriesPerRequest' | 'connectTimeout' | 'commandTimeout' | 'enableOfflineQueue'
> = {
  maxRetriesPerRequest: 1,
  connectTimeout: 3_000,
  commandTimeout: 5_000,
  enableOfflineQueue: true,
};

/** ioredis' options for a target; merge `FAIL_FAST` unless the connection may block. */
export function redisOptions(target: RedisTarget): RedisOptions {
  const { tls, ...address } = target;
  return {
    ...address,
    ...(tls && { tls: { ...(tls.ca && { ca: tls.ca }), servername: tls.serverName ?? target.host } }),
  };
}

/** One attempt a second costs nothing, and an outage ends at most so long after Redis is back. */
const MAX_RETRY_MS = 1_000;

interface Entry {
  readonly redis: Redis;
  lastUsedMs: number;
  /** Undefined until it stood for the first time. */
  up?: boolean;
}

export interface RedisConnectionsOptions {
  /** Shown by CLIENT LIST. */
  readonly clientName?: string;
  readonly now?: () => number;
  /** Told when a connection that stood is lost, and when it stands again; not of the first time, nor of `release`. */
  readonly onChange?: (target: RedisTarget, up: boolean) => void;
}

/** One connection for every distinct target, opened on first use and shared. */
export class RedisConnections {
  readonly #entries = new Map<string, Entry>();
  readonly #options: RedisConnectionsOptions;
  readonly #now: () => number;

  constructor(options: RedisConnectionsOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** The shared connection to `target`. Its commands fail within seconds when Redis does not answer. */
  get(target: RedisTarget): Redis {
    const key = connectionKey(target);
    const entry = this.#entries.get(key) ?? this.#open(key, target);
    entry.lastUsedMs = this.#now();
    return entry.redis;
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#entries.size;
  }

  /** Closes the connection to `target`, for example when its Secret has changed. */
  release(target: RedisTarget): void {
    this.#drop(connectionKey(target));
  }

  /** Closes what nobody asked for within `idleMs`. */
  closeIdle(idleMs: number): void {
    const oldest = this.#now() - idleMs;
    for (const [key, { lastUsedMs }] of this.#entries) if (lastUsedMs < oldest) this.#drop(key);
  }

  /** Closes all, at once. */
  close(): void {
    for (const key of this.#entries.keys()) this.#drop(key);
  }

  #open(key: string, target: RedisTarget): Entry {
    const name = this.#options.clientName;
    const redis = new Redis({
      ...redisOptions(target),
      ...FAIL_FAST,
      ...(name && { connectionName: name }),
      retryStrategy: (attempt) => Math.min(50 * 2 ** attempt, MAX_RETRY_MS),
    });
    redis.on('error', () => {}); // Each command rejects by itself; an unheard event would end the process.
    const entry: Entry = { redis, lastUsedMs: this.#now() };
    this.#entries.set(key, entry);
    const changed = (up: boolean) => (): void => {
      if (this.#entries.get(key) !== entry || entry.up === up) return;
      const told = entry.up !== undefined;
      if (up || told) entry.up = up;
      if (told) this.#options.onChange?.(target, up);
    };
    redis.on('ready', changed(true));
    redis.on('close', changed(false));
    return entry;
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    entry?.redis.disconnect();
  }
}
