import type { ServerClients } from '@redis-queue/bullmq';
import type { ScaledPool } from '../watching/topology.ts';
import type { PoolOnServer, StartingClients } from './starting-clients.ts';

/** Share of the connections that a server takes which pools may bring it to; the rest is for producers and us. */
const USABLE = 0.9;
/**
 * Connections of a worker pod, at most: BullMQ's Worker has two per queue and its QueueEvents, where there is one,
 * another; one more is the pod's own. Where a pod has fewer, the next report shows more room.
 */
const PER_QUEUE = 3;
const PER_POD = 1;

/** Of a pool, what its connections depend on. */
export type ConnectingPool = Pick<ScaledPool, 'key' | 'namespace' | 'queues'>;

/** Of a pool's pods, as far as it is known. */
export interface PoolSize {
  readonly replicas: number;
  /** Absent: nobody says so. */
  readonly ready?: number | undefined;
}

/**
 * For how many more pods a Redis has connections: what the server reports, less those of pods that were ordered and have
 * not connected yet. Together namespaces order no more than that. Where several have pools on a server, each has ordered
 * no more than is left then (as `Shares` has it): one gets half, two a third each, and none can keep the others from
 * growing. No I/O.
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
   * @returns undefined when the server does not say how many it takes, or has not let the pool's user in.
   */
  largestSize(pool: ConnectingPool, { replicas, ready }: PoolSize, nowMs: number): number | undefined {
    if (this.#clients === undefined) return undefined;
    if (!this.#sizes.has(pool.key)) this.#sizes.set(pool.key, replicas);
    const size = Math.max(replicas, this.#sizes.get(pool.key)!);
    const notReady = ready === undefined ? 0 : Math.max(0, size - ready);
    this.#starting.notReady(this.#place(pool), notReady * connectionsOf(pool), nowMs);
    return size + this.#room(pool, this.#clients, nowMs);
  }

  /**
   * The pool was decided to have that size. What is more than there was room for, as for `minReplicas`, counts once it has
   * connected: it takes nothing from others that was not shared.
   *
   * @param isCounted whether another user of the same server has counted the connections of its new pods
   * @returns whether they are counted now. Those of a user whom the server has not let in are not.
   */
  decided(pool: ConnectingPool, size: number, nowMs: number, isCounted = false): boolean {
    const before = this.#sizes.get(pool.key) ?? size;
    this.#sizes.set(pool.key, size);
    if (isCounted || this.#clients === undefined) return isCounted;
    const more = Math.min(size - before, this.#room(pool, this.#clients, nowMs));
    if (more > 0) this.#starting.add(this.#place(pool), more * connectionsOf(pool), nowMs);
    return true;
  }

  /** For so many more pods there are connections. */
  #room(pool: ConnectingPool, { connected, max }: ServerClients, nowMs: number): number {
    this.#starting.join(this.#place(pool));
    const { all, own, isAlone } = this.#starting.on(this.server, pool.namespace, nowMs);
    const left = USABLE * max - connected - all;
    return Math.floor(Math.max(0, isAlone ? left : (left - own) / 2) / connectionsOf(pool));
  }

  #place({ key, namespace }: ConnectingPool): PoolOnServer {
    return { server: this.server, pool: key, namespace };
  }

  forget(pool: string): void {
    this.#sizes.delete(pool);
    this.#starting.leave(this.server, pool);
  }

  close(): void {
    for (const pool of this.#sizes.keys()) this.forget(pool);
  }
}

function connectionsOf({ queues }: ConnectingPool): number {
  return PER_POD + PER_QUEUE * queues.length;
}
