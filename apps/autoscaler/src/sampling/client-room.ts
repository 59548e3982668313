import type { ServerClients } from '@redis-queue/bullmq';
import type { ScaledPool } from '../watching/topology.ts';
import type { StartingClients } from './starting-clients.ts';

/** Share of the connections that a server takes which pools may bring it to; the rest is for producers and us. */
const USABLE = 0.9;
/**
 * Connections of a worker pod, at most: BullMQ's Worker has two per queue and its QueueEvents, where there is one,
 * another; one more is the pod's own. Where a pod has fewer, the next report shows more room.
 */
const PER_QUEUE = 3;
const PER_POD = 1;

/** Of what is free, the part that pods which others have only decided on may count for. */
const OTHERS_MOST = 0.5;

/** Of a pool, what its connections depend on. */
export type ConnectingPool = Pick<ScaledPool, 'key' | 'namespace' | 'queues'>;

/**
 * For how many more pods a Redis has connections: what the server reports, less those of pods that were decided on and
 * have hardly begun to connect. Those of other namespaces count for half of what is free at most, so that none of them
 * can keep a pool from growing by what it orders. No I/O.
 */
export class ClientRoom {
  /** The same text for whoever connects to the same one. */
  readonly server: string;
  readonly #starting: StartingClients;
  #clients: ServerClients | undefined;
  /** The size last decided, by pool. */
  readonly #sizes = new Map<string, number>();

  /** @param starting shared by all who size pools on the server */
  constructor(server: string, starting: StartingClients) {
    this.server = server;
    this.#starting = starting;
  }

  /** The server reported its clients; undefined: it does not say. */
  reported(clients: ServerClients | undefined): void {
    this.#clients = clients;
  }

  /**
   * The size up to which there are connections for pods of the pool; what was decided before is granted.
   *
   * @returns undefined when the server does not say how many it takes.
   */
  largestSize(pool: ConnectingPool, current: number, nowMs: number): number | undefined {
    if (this.#clients === undefined) return undefined;
    if (!this.#sizes.has(pool.key)) this.#sizes.set(pool.key, current);
    const { connected, max } = this.#clients;
    const free = Math.max(0, USABLE * max - connected);
    const { own, others } = this.#starting.on(this.server, pool.namespace, nowMs);
    const room = Math.max(0, free - own - Math.min(others, OTHERS_MOST * free));
    return Math.max(current, this.#sizes.get(pool.key)!) + Math.floor(room / connectionsOf(pool));
  }

  /**
   * The pool was decided to have that size.
   *
   * @param isCounted whether another user of the same server has counted the connections of its new pods
   * @returns whether they are counted now. Those of a user whom the server has not let in are not.
   */
  decided(pool: ConnectingPool, size: number, nowMs: number, isCounted = false): boolean {
    const before = this.#sizes.get(pool.key);
    this.#sizes.set(pool.key, size);
    if (isCounted) return true;
    if (this.#clients === undefined) return false;
    const more = Math.max(0, size - (before ?? size));
    if (more > 0) this.#starting.add(this.server, pool.namespace, more * connectionsOf(pool), nowMs);
    return true;
  }

  forget(pool: string): void {
    this.#sizes.delete(pool);
  }
}

function connectionsOf({ queues }: ConnectingPool): number {
  return PER_POD + PER_QUEUE * queues.length;
}
