import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { Gauge, Registry } from 'prom-client';
import type { CacheOptions, ObjectCache } from '../cache/object-cache.ts';
import type { KubeClient } from '../client/kube-client.ts';
import { requestMetrics } from '../client/request-metrics.ts';
import { systemClock } from '../time/clock.ts';
import { ControllerRunner } from '../controller/controller-runner.ts';
import { ControllerMetrics } from '../controller/metrics.ts';
import type { Controller, ControllerOptions } from '../controller/types.ts';
import { ApiEventRecorder } from '../events/recorder.ts';
import { LeaderElector, LeaseLostError } from '../leader/leader-elector.ts';
import type { Resource, ResourceType } from '../objects/resources.ts';
import { CacheRegistry } from './cache-registry.ts';
import { HttpServer } from './http-server.ts';
import { RunGroup } from './run-group.ts';
import type { Check, Log, Manager, ManagerOptions, Runnable } from './types.ts';

/** @returns a manager that does nothing until `run` */
export function createManager(options: ManagerOptions): Manager {
  return new ProcessManager(options);
}

const EVENT_FLUSH_MS = 2_000;
/** A renewal, and a read beside it. */
const LEASE_CONNECTIONS = 2;
/** How long a stop may take before it is cut: within what the charts have Kubernetes give a pod. */
export const GRACEFUL_SHUTDOWN_MS = 20_000;

class ProcessManager implements Manager {
  readonly name: string;
  readonly client: KubeClient;
  readonly log: Log;
  readonly registry: Registry;
  readonly namespaces: readonly string[] | undefined;
  readonly events: ApiEventRecorder;
  readonly #options: ManagerOptions;
  readonly #caches: CacheRegistry;
  readonly #metrics: ControllerMetrics;
  readonly #http: HttpServer;
  readonly #masterStatus: Gauge<'name'>;
  readonly #runnables: Runnable[] = [];
  readonly #electedHooks: ((signal: AbortSignal) => void | Promise<void>)[] = [];
  readonly #stopHooks: (() => void | Promise<void>)[] = [];
  #started = false;
  #isLeader = false;
  #assertLeading: () => void = () => undefined;

  constructor(options: ManagerOptions) {
    const { name, client, log, namespaces, registry = new Registry(), httpPort = 0, httpHost } = options;
    this.name = name;
    this.client = client;
    this.log = log;
    this.registry = registry;
    this.namespaces = namespaces;
    this.#options = options;
    this.#caches = new CacheRegistry({ client, log, namespaces, registry, clock: systemClock });
    this.#metrics = new ControllerMetrics(registry);
    const onLost = (why: 'refused' | 'full'): void => this.#metrics.eventLost(why);
    this.events = new ApiEventRecorder({ client, log, component: name, instance: hostname(), onLost });
    this.#http = new HttpServer({ port: httpPort, host: httpHost, registry });
    this.#masterStatus = new Gauge({
      name: 'leader_election_master_status',
      help: '1 while this process leads.',
      labelNames: ['name'],
      registers: [registry],
    });
    this.#masterStatus.set({ name }, 0);
    client.transport.observe(requestMetrics(registry));
    this.addHealthCheck('ping', () => undefined);
    this.addReadyCheck('caches', () => {
      const { unsynced } = this.#caches;
      return unsynced.length === 0 ? undefined : `waiting for the first list of ${unsynced.join(', ')}`;
    });
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  assertLeading(): void {
    this.#assertLeading();
  }

  get httpPort(): number | undefined {
    return this.#http.port;
  }

  cache<T extends Resource>(type: ResourceType, options?: CacheOptions): ObjectCache<T> {
    return this.#caches.of(type, options) as unknown as ObjectCache<T>;
  }

  controller<T extends Resource>(options: ControllerOptions<T>): Controller {
    const controller = new ControllerRunner<T>(options, {
      log: this.log,
      clock: systemClock,
      metrics: this.#metrics,
      journal: this.client.journal,
      cacheOf: (type) => this.#caches.of(type),
      cachesShowing: (write) => this.#caches.showing(write),
    });
    this.runnable({ name: options.name, run: (signal) => controller.run(signal) });
    return controller;
  }

  runnable(runnable: Runnable): void {
    if (this.#started) throw new Error(`Runnable ${runnable.name} comes too late: register it before run.`);
    this.#runnables.push(runnable);
  }

  onElected(hook: (signal: AbortSignal) => void | Promise<void>): void {
    this.#electedHooks.push(hook);
  }

  onStop(hook: () => void | Promise<void>): void {
    this.#stopHooks.push(hook);
  }

  addReadyCheck(name: string, check: Check): void {
    this.#http.addReadyCheck(name, check);
  }

  addHealthCheck(name: string, check: Check): void {
    this.#http.addHealthCheck(name, check);
  }

  async run(signal?: AbortSignal): Promise<void> {
    if (this.#started) throw new Error(`Manager ${this.name} runs only once.`);
    this.#started = true;
    const stopping = new AbortController();
    const stop = (reason: string) => (): void => {
      this.log.info({ reason }, 'stopping');
      stopping.abort();
    };
    const onSigterm = stop('SIGTERM');
    const onSigint = stop('SIGINT');
    const onAbort = stop('aborted');
    process.once('SIGTERM', onSigterm);
    process.once('SIGINT', onSigint);
    if (signal?.aborted) stopping.abort();
    signal?.addEventListener('abort', onAbort, { once: true });
    // Timers of the runtime do not keep the process alive; this does, until the stop is complete.
    const alive = setInterval(() => undefined, 60_000);
    try {
      await this.#run(stopping);
    } finally {
      clearInterval(alive);
      process.off('SIGTERM', onSigterm);
      process.off('SIGINT', onSigint);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async #run(stopping: AbortController): Promise<void> {
    const caches = new AbortController();
    const holding = new AbortController();
    // Every cache, reconcile and runnable listens: their number is that of the work, not of a leak.
    setMaxListeners(0, stopping.signal, caches.signal);
    const group = new RunGroup(stopping);
    const { leaderElection, httpPort } = this.#options;
    const leaseClient = leaderElection ? this.client.separate({ maxConnections: LEASE_CONNECTIONS }) : undefined;
    const elector =
      leaderElection && leaseClient
        ? new LeaderElector(leaderElection, { client: leaseClient, log: this.log, clock: systemClock })
        : undefined;
    try {
      if (httpPort !== undefined) await this.#http.start();
      this.#caches.start(caches.signal);
      for (const runnable of this.#runnables) {
        if (runnable.leaderOnly === false) group.start(runnable.name, () => runnable.run(stopping.signal));
      }
      group.start('leader election', () => this.#lead(elector, group, stopping.signal, holding.signal));
      await group.stopRequested();
      await this.#stop(group, caches, holding, elector);
    } catch (error) {
      stopping.abort();
      caches.abort();
      holding.abort();
      await this.#http.stop();
      throw error;
    }
    if (group.failure) throw group.failure;
  }

  async #lead(
    elector: LeaderElector | undefined,
    group: RunGroup,
    stopping: AbortSignal,
    holding: AbortSignal,
  ): Promise<void> {
    if (elector) {
      if (!(await elector.acquire(stopping))) return;
      this.#assertLeading = () => elector.assertHeld();
      this.client.transport.guardWrites(this.#assertLeading);
      group.watch('lease', elector.hold(holding));
    }
    if (stopping.aborted) return;
    this.#isLeader = true;
    this.#masterStatus.set({ name: this.name }, 1);
    for (const hook of this.#electedHooks) await hook(stopping);
    for (const runnable of this.#runnables) {
      if (runnable.leaderOnly !== false) group.start(runnable.name, () => runnable.run(stopping));
    }
  }

  /** Reconcilers, then caches, events and HTTP, and the lease last: nobody else may lead while we can still write. */
  async #stop(
    group: RunGroup,
    caches: AbortController,
    holding: AbortController,
    elector: LeaderElector | undefined,
  ): Promise<void> {
    const timeoutMs = this.#options.gracefulShutdownMs ?? GRACEFUL_SHUTDOWN_MS;
    const unfinished = await group.ended(timeoutMs);
    // Another may lead already: no time for a graceful end.
    if (group.failure instanceof LeaseLostError) throw group.failure;
    if (unfinished.length > 0) {
      throw new Error(
        `${unfinished.join(', ')} did not stop in ${timeoutMs / 1000} s; the lease is left to run out, since they may still write.`,
      );
    }
    for (const hook of this.#stopHooks) await hook();
    caches.abort();
    await this.#caches.stopped();
    await this.events.flush(EVENT_FLUSH_MS);
    await this.#http.stop();
    holding.abort();
    this.#isLeader = false;
    this.#masterStatus.set({ name: this.name }, 0);
    await elector?.release();
  }
}
