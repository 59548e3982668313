import { connectionKey, type RedisTarget, type ServerInfo } from '@redis-queue/bullmq';

const SERVER_INFO_TTL_MS = 60_000;

/**
 * What each server is, asked at most once a minute per connection: many queues share one. Not per address: behind one,
 * a gateway may lead each name of TLS to another server.
 */
export class ServerInfoCache {
  readonly #entries = new Map<string, { readonly atMs: number; readonly info: ServerInfo }>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async get(target: RedisTarget, read: () => Promise<ServerInfo>): Promise<ServerInfo> {
    const key = connectionKey(target);
    const cached = this.#entries.get(key);
    if (cached && this.#now() - cached.atMs < SERVER_INFO_TTL_MS) return cached.info;
    const info = await read();
    this.#forgetExpired();
    this.#entries.delete(key);
    this.#entries.set(key, { atMs: this.#now(), info });
    return info;
  }

  /** Connections known, those of a minute ago not counted. */
  get size(): number {
    return this.#entries.size;
  }

  /** Entries are set in the order of their times. */
  #forgetExpired(): void {
    for (const [key, { atMs }] of this.#entries) {
      if (this.#now() - atMs < SERVER_INFO_TTL_MS) return;
      this.#entries.delete(key);
    }
  }
}
