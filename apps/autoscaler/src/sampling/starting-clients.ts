import { PRESSURE_EVERY_MS } from './saturation.ts';

/** A pool, by what it connects to. */
export interface PoolOnServer {
  readonly server: string;
  readonly pool: string;
  readonly namespace: string;
}

interface Growth {
  readonly atMs: number;
  readonly place: PoolOnServer;
  readonly connections: number;
}

/** Connections that were ordered for a pool and may not show in what the server reports. */
interface Ordered {
  readonly namespace: string;
  /** Of pods that are so young that they are hardly seen, whatever is known of them. */
  young: number;
  /** Of others that are not ready yet. */
  waiting: number;
  /** Connections of all pods that were not ready when the pool was looked at last. */
  notReady: number;
  /** Since when fewer wait: what has just connected is not reported yet. */
  fewerSinceMs?: number | undefined;
}

/** What is known of a server. */
interface Server {
  readonly pools: Map<string, Ordered>;
  /** Pools of each namespace. */
  readonly namespaces: Map<string, number>;
  /** What was ordered, by namespace, and in all. */
  readonly sums: Map<string, number>;
  total: number;
}

/**
 * Connections of pods that were ordered and have not begun to connect, by server and namespace: pools of several users,
 * and so of several samplers, share what one server takes. A pod counts for a while, and then until it is ready. No I/O.
 */
export class StartingClients {
  readonly #startsWithinMs: number;
  /** In the order of time. */
  readonly #growths: Growth[] = [];
  readonly #servers = new Map<string, Server>();

  /** @param startsWithinMs from the decision on a pod until its connections show in what the server reports */
  constructor(startsWithinMs: number) {
    this.#startsWithinMs = startsWithinMs;
  }

  /** The pool uses the server. */
  join({ server: name, pool, namespace }: PoolOnServer): void {
    const server = this.#servers.get(name) ?? { pools: new Map(), namespaces: new Map(), sums: new Map(), total: 0 };
    this.#servers.set(name, server);
    if (server.pools.has(pool)) return;
    server.pools.set(pool, { namespace, young: 0, waiting: 0, notReady: 0 });
    add(server.namespaces, namespace, 1);
  }

  /** The pool uses it no more. */
  leave(name: string, pool: string): void {
    const server = this.#servers.get(name);
    const ordered = server?.pools.get(pool);
    if (!server || !ordered) return;
    this.#change(server, ordered, () => Object.assign(ordered, { young: 0, waiting: 0 }));
    server.pools.delete(pool);
    add(server.namespaces, ordered.namespace, -1);
    if (server.pools.size === 0) this.#servers.delete(name);
  }

  /** So many more connections were ordered for the pool. */
  add(place: PoolOnServer, connections: number, nowMs: number): void {
    this.#forgetStarted(nowMs);
    this.join(place);
    this.#growths.push({ atMs: nowMs, place, connections });
    this.#of(place, (ordered) => void (ordered.young += connections));
  }

  /** Of the pool's pods those that are not ready would open so many: what was ordered for them counts on. */
  notReady(place: PoolOnServer, connections: number, nowMs: number): void {
    this.#forgetStarted(nowMs);
    this.join(place);
    this.#of(place, (ordered) => {
      ordered.notReady = connections;
      const waiting = Math.min(ordered.waiting, Math.max(0, connections - ordered.young));
      if (waiting === ordered.waiting) ordered.fewerSinceMs = undefined;
      else if (nowMs - (ordered.fewerSinceMs ??= nowMs) >= PRESSURE_EVERY_MS)
        Object.assign(ordered, { waiting, fewerSinceMs: undefined });
    });
  }

  /** What was ordered in all, of that by the namespace, and whether no other has pools there. */
  on(
    name: string,
    namespace: string,
    nowMs: number,
  ): { readonly all: number; readonly own: number; readonly isAlone: boolean } {
    this.#forgetStarted(nowMs);
    const server = this.#servers.get(name);
    const others = (server?.namespaces.size ?? 0) - (server?.namespaces.has(namespace) ? 1 : 0);
    return { all: server?.total ?? 0, own: server?.sums.get(namespace) ?? 0, isAlone: others === 0 };
  }

  #forgetStarted(nowMs: number): void {
    while (this.#growths.length > 0 && nowMs - this.#growths[0]!.atMs >= this.#startsWithinMs) {
      const { place, connections } = this.#growths.shift()!;
      this.#of(place, (ordered) => {
        // Of a pool that has left and come back it is no more than what it has ordered since.
        const old = Math.min(ordered.young, connections);
        ordered.young -= old;
        ordered.waiting = Math.min(ordered.waiting + old, Math.max(ordered.waiting, ordered.notReady - ordered.young));
      });
    }
  }

  #of({ server: name, pool }: PoolOnServer, change: (ordered: Ordered) => void): void {
    const server = this.#servers.get(name);
    const ordered = server?.pools.get(pool);
    if (server && ordered) this.#change(server, ordered, change);
  }

  #change(server: Server, ordered: Ordered, change: (ordered: Ordered) => void): void {
    const before = ordered.young + ordered.waiting;
    change(ordered);
    const delta = ordered.young + ordered.waiting - before;
    server.total += delta;
    add(server.sums, ordered.namespace, delta);
  }
}

/** Without those that are 0. */
function add(counts: Map<string, number>, key: string, delta: number): void {
  const count = (counts.get(key) ?? 0) + delta;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
