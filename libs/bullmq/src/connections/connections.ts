import type { Redis } from 'ioredis';
import { ConnectionShareError, ConnectionShares, type ConnectionLimits } from './connection-shares.ts';
import { openRedis } from './open-redis.ts';
import { connectionKey, describeTarget, type RedisTarget } from './target.ts';

/** Refusals of Clusters that are remembered, whatever Secrets come and go. */
const MAX_REFUSALS = 1_000;

interface Entry {
  readonly redis: Redis;
  lastUsedMs: number;
  /** Undefined until it was established, or could not be, for the first time. */
  up?: boolean;
}

export interface RedisConnectionsOptions {
  /** Shown by CLIENT LIST. */
  readonly clientName?: string;
  readonly now?: () => number;
  /**
   * Called when an established connection is lost, and when one that was lost or refused is established; not when the
   * first attempt succeeds, nor after `release`.
   */
  readonly onChange?: (target: RedisTarget, up: boolean) => void;
  /** Of those that `use` opens; absent: none. */
  readonly limits?: ConnectionLimits;
  /** Called, for metrics, when a connection is closed to make room, and when there is none. */
  readonly onShareUsedUp?: (outcome: ShareUsedUp) => void;
}

export type ShareUsedUp = 'closed' | 'refused';

/** For whom a connection is used. */
export interface ConnectionUse {
  /** Whose share of connections it counts for. */
  readonly namespace: string;
  /** When it aborts, the caller does not wait any longer: the connection may be closed for others. */
  readonly signal?: AbortSignal | undefined;
}

/** Nodes of a Redis Cluster that count as one connection: most of them are never connected to. */
const NODES_PER_CONNECTION = 8;
/** As which a Redis Cluster counts until it says how many nodes it has. */
const WEIGHT_OF_UNKNOWN_CLUSTER = 8;

const NO_LIMITS: ConnectionLimits = { total: Infinity, perServer: Infinity, perNamespace: Infinity };

/**
 * One connection for every distinct target, opened on first use and shared. How many are open is bounded by shares: who
 * needs another than the ones that are open has one closed that nobody uses now.
 */
export class RedisConnections {
  readonly #entries = new Map<string, Entry>();
  readonly #shares: ConnectionShares;
  /** Of Redis Clusters, also of those that were dropped since: what a node refused last. */
  readonly #refusals = new Map<string, Error>();
  /** Redis Clusters that were closed although in use: they have more nodes than the share of their namespace allows. */
  readonly #overweight = new WeakSet<Redis>();
  readonly #options: RedisConnectionsOptions;
  readonly #now: () => number;

  constructor(options: RedisConnectionsOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#shares = new ConnectionShares(options.limits ?? NO_LIMITS);
  }

  /**
   * Calls Redis over the shared connection to `target`, as `get` gives it; meanwhile it is not closed to make room.
   *
   * @throws ConnectionShareError when all that could make room for it are in use, or it turns out to be a Redis Cluster of
   * more nodes than there is room for; what `call` throws.
   */
  async use<T>(
    target: RedisTarget,
    { namespace, signal }: ConnectionUse,
    call: (redis: Redis) => Promise<T>,
  ): Promise<T> {
    const key = connectionKey(target);
    const weight = target.cluster === true ? WEIGHT_OF_UNKNOWN_CLUSTER : 1;
    const { lease, close } = this.#shares.begin(key, { namespace, server: serverKey(target), weight }, this.#now());
    this.#makeRoom(close);
    if (!lease) {
      this.#options.onShareUsedUp?.('refused');
      throw new ConnectionShareError(namespace, describeTarget(target));
    }
    let redis: Redis | undefined;
    const end = (): void => lease.end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      redis = this.get(target);
      return await call(redis);
    } catch (error) {
      if (redis && this.#overweight.has(redis)) throw new ConnectionShareError(namespace, describeTarget(target));
      throw error;
    } finally {
      signal?.removeEventListener('abort', end);
      end();
    }
  }

  /**
   * The shared connection to `target`, outside of all shares: for who has few targets. Its commands fail within seconds when Redis does not answer. To a Redis Cluster
   * it is one client for all nodes that sends each command to the node of its keys; through Sentinels it leads to
   * whichever server is the primary.
   */
  get(target: RedisTarget): Redis {
    const key = connectionKey(target);
    const entry = this.#entries.get(key) ?? this.#open(key, target);
    entry.lastUsedMs = this.#now();
    return entry.redis;
  }

  /**
   * What a node of the Redis Cluster refused since the client was last ready: such a client asks again and answers
   * nobody. Undefined for other targets.
   */
  refusal(target: RedisTarget): Error | undefined {
    return this.#refusals.get(connectionKey(target));
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#entries.size;
  }

  /** Closes the connection to `target`, for example when its Secret has changed. */
  release(target: RedisTarget): void {
    this.#drop(connectionKey(target));
  }

  /** Closes connections that nobody used within `idleMs`. */
  closeIdle(idleMs: number): void {
    const oldest = this.#now() - idleMs;
    for (const [key, { lastUsedMs }] of this.#entries) if (lastUsedMs < oldest) this.#drop(key);
    for (const key of this.#refusals.keys()) if (!this.#entries.has(key)) this.#refusals.delete(key);
  }

  /** Closes all, at once. */
  close(): void {
    for (const key of this.#entries.keys()) this.#drop(key);
    this.#refusals.clear();
  }

  #open(key: string, target: RedisTarget): Entry {
    const name = this.#options.clientName;
    const redis = openRedis(target, name === undefined ? {} : { connectionName: name });
    const entry: Entry = { redis, lastUsedMs: this.#now() };
    this.#entries.set(key, entry);
    const changed = (up: boolean) => (): void => {
      if (this.#entries.get(key) !== entry || entry.up === up) return;
      const wasKnown = entry.up !== undefined;
      entry.up = up;
      if (wasKnown) this.#options.onChange?.(target, up);
    };
    redis.on('ready', changed(true));
    redis.on('ready', () => void this.#refusals.delete(key));
    // Only of a Cluster: what a node answered when it was asked for the slots.
    redis.on('node error', (error: Error) => void (error.name === 'ReplyError' && this.#refuse(key, error)));
    redis.on('close', changed(false));
    if (target.cluster) this.#weighNodes(key, entry);
    return entry;
  }

  /** Of a Redis Cluster: a client for each node, that connects when it is needed. */
  #weighNodes(key: string, entry: Entry): void {
    let nodes = 0;
    let weighing = false;
    const weigh = (): void => {
      weighing = false;
      if (this.#entries.get(key) !== entry) return;
      const close = this.#shares.weigh(key, Math.ceil(nodes / NODES_PER_CONNECTION), this.#now());
      if (close.includes(key)) this.#overweight.add(entry.redis);
      this.#makeRoom(close);
    };
    const changedBy = (delta: 1 | -1) => (): void => {
      nodes += delta;
      // Once all are named: what is closed while ioredis goes through them gets the rest of them all the same.
      if (!weighing) queueMicrotask(weigh);
      weighing = true;
    };
    entry.redis.on('+node', changedBy(1));
    entry.redis.on('-node', changedBy(-1));
  }

  #makeRoom(close: readonly string[]): void {
    for (const key of close) {
      this.#drop(key);
      this.#options.onShareUsedUp?.('closed');
    }
  }

  #refuse(key: string, error: Error): void {
    this.#refusals.set(key, error);
    const [oldest] = this.#refusals.keys();
    if (this.#refusals.size > MAX_REFUSALS && oldest !== undefined) this.#refusals.delete(oldest);
  }

  #drop(key: string): void {
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    this.#shares.closed(key);
    entry?.redis.disconnect();
  }
}

/** Whose connections are counted together: a server, whatever the database. */
function serverKey(target: RedisTarget): string {
  return describeTarget(target).toLowerCase();
}
