import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { CacheOptions, ObjectCache } from '../cache/object-cache.ts';
import type { KubeClient } from '../client/kube-client.ts';
import type { Controller, ControllerOptions } from '../controller/types.ts';
import type { EventRecorder } from '../events/event-types.ts';
import type { LeaderElectionOptions } from '../leader/types.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';

export type Log = Logger;

export interface ManagerOptions {
  /** Names the app in logs, events, metrics and the lease. */
  name: string;
  client: KubeClient;
  log: Log;
  registry?: Registry;
  /** Confines caches of namespaced types; absent: all namespaces. */
  namespaces?: readonly string[] | undefined;
  /** `false`: leads at once, for tests and single replicas. */
  leaderElection: LeaderElectionOptions | false;
  /** Port of /healthz, /readyz, /metrics; 0 picks a free one, absent serves none. */
  httpPort?: number;
  httpHost?: string;
  /** How long a graceful stop may take. After that `run` throws and the lease is left to run out. Default 20 s. */
  gracefulShutdownMs?: number;
}

export interface Runnable {
  name: string;
  /** Default true: runs only while this process leads. */
  leaderOnly?: boolean;
  /** Runs until `signal` aborts. Returning early is fine; throwing ends the process. */
  run(signal: AbortSignal): Promise<void>;
}

/** @returns undefined when fine, otherwise what is wrong */
export type Check = () => string | undefined | Promise<string | undefined>;

export interface Manager {
  readonly name: string;
  readonly client: KubeClient;
  readonly log: Log;
  readonly registry: Registry;
  /** The namespaces that caches are confined to; absent: all. */
  readonly namespaces: readonly string[] | undefined;
  readonly events: EventRecorder;
  /** The port served, once `run` has started. */
  readonly httpPort: number | undefined;
  readonly isLeader: boolean;
  /**
   * Called before each write to anything but the API server, whose client calls it by itself.
   * @throws WritesStoppedError when another may lead by now, whatever timers have missed
   */
  assertLeading(): void;
  /** The shared cache of that type and selection; the same one for the same arguments. */
  cache<T extends Resource>(type: ResourceType, options?: CacheOptions): ObjectCache<T>;
  controller<T extends Resource>(options: ControllerOptions<T>): Controller;
  runnable(runnable: Runnable): void;
  /**
   * Awaited after the lease is won and before anything leader-only starts; throwing gives the lease up and ends the
   * process.
   */
  onElected(hook: (signal: AbortSignal) => void | Promise<void>): void;
  /** Awaited on a graceful stop, after reconcilers and runnables have ended and before the lease is given back. */
  onStop(hook: () => void | Promise<void>): void;
  addReadyCheck(name: string, check: Check): void;
  addHealthCheck(name: string, check: Check): void;
  /**
   * Runs until `signal` aborts or the process gets SIGTERM or SIGINT, then stops gracefully and resolves.
   * @throws when the lease is lost, a cache cannot sync or a runnable fails: the process should exit
   */
  run(signal?: AbortSignal): Promise<void>;
}
