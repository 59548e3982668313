import { isDeepStrictEqual } from 'node:util';
import { Gauge } from 'prom-client';
import { SECRETS, type Log, type Manager, type ObjectCache, type Resource } from '@redis-queue/controller';
import { busRedisFromSecret, type BusRedisOptions } from './connection.ts';

/** How the bus is found: as the process was told when it started, or in a Secret, which may come and change later. */
export type BusSetting = { readonly redis: BusRedisOptions } | BusSecret;

export interface BusSecret {
  readonly secret: { readonly namespace: string; readonly name: string };
  /** Whether to encrypt, whatever the URL says. */
  readonly tls: boolean;
}

/** The part of a Secret that is read. */
export interface BusSecretObject extends Resource {
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** Where the bus is, kept current. */
export interface BusSource {
  /** How to reach it now; undefined while nothing says so. */
  redis(): BusRedisOptions | undefined;
  /** Why nothing says so, as a sentence for people without any value of the Secret. */
  problem(): string | undefined;
  /** The cache of its Secret; absent where there is none to watch. */
  readonly cache?: ObjectCache<BusSecretObject>;
  /** Calls `listener` after each change of what `redis` or `problem` return. Returns a function that unsubscribes. */
  onChange(listener: () => void): () => void;
}

/**
 * Opens the source of `setting`. A Secret is watched, in its own namespace whatever the manager is confined to; the
 * metric redis_queue_bus_configured says whether there is a usable one.
 */
export function openBusSource(manager: Manager, setting: BusSetting): BusSource {
  const source = 'redis' in setting ? fixedSource(setting.redis) : secretSource(manager, setting);
  const gauge = new Gauge({
    name: 'redis_queue_bus_configured',
    help: '1 while it is known how to reach the bus; 0 while its Secret is missing or cannot be read.',
    registers: [manager.registry],
  });
  const show = (): void => gauge.set(source.redis() === undefined ? 0 : 1);
  show();
  source.onChange(show);
  return source;
}

function fixedSource(redis: BusRedisOptions): BusSource {
  return { redis: () => redis, problem: () => undefined, onChange: () => () => undefined };
}

type Reading = { readonly redis: BusRedisOptions } | { readonly problem: string };

function secretSource(manager: Manager, { secret: key, tls }: BusSecret): BusSource {
  const cache = manager.cache<BusSecretObject>(SECRETS, {
    namespace: key.namespace,
    fieldSelector: `metadata.name=${key.name}`,
  });
  const listeners = new Set<() => void>();
  let reading = readBusSecret(cache.get(key), key, tls);
  // Also after a change of labels, which is none for whoever holds a connection.
  cache.onChange(() => {
    const next = readBusSecret(cache.get(key), key, tls);
    if (isDeepStrictEqual(next, reading)) return;
    reading = next;
    for (const listener of listeners) listener();
  });
  return {
    redis: () => ('redis' in reading ? reading.redis : undefined),
    problem: () => ('problem' in reading ? reading.problem : undefined),
    cache,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function readBusSecret(secret: BusSecretObject | undefined, key: BusSecret['secret'], tls: boolean): Reading {
  const name = `Secret ${key.namespace}/${key.name} of the bus`;
  if (!secret) return { problem: `${name} does not exist; create it with redis-url or redis-host` };
  try {
    return { redis: busRedisFromSecret(secret.data, tls) };
  } catch (error) {
    return { problem: `${name}: ${error instanceof Error ? error.message : 'it cannot be read'}` };
  }
}

/**
 * Runs `use` with the bus as it is now, and again with another one whenever it changes, until `signal` aborts. The
 * signal that `use` gets aborts on a change too; what it has opened it closes then, within a time of its own. While nothing says where the bus
 * is, that is logged and nothing runs.
 */
export async function followBus(
  source: BusSource,
  log: Pick<Log, 'info' | 'warn'>,
  signal: AbortSignal,
  use: (redis: BusRedisOptions, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  await source.cache?.whenSynced(signal).catch(() => undefined);
  while (!signal.aborted) {
    const redis = source.redis();
    const changed = new AbortController();
    const unsubscribe = source.onChange(() => changed.abort());
    const ended = AbortSignal.any([signal, changed.signal]);
    try {
      if (redis === undefined) log.warn({}, `no bus: ${source.problem()}`);
      // oxlint-disable-next-line no-await-in-loop -- one bus after the other
      else await use(redis, ended);
      // oxlint-disable-next-line no-await-in-loop -- until something changes
      await untilAborted(ended);
    } catch (error) {
      // What was cut off by the change may say so; the next bus is another try.
      if (signal.aborted || !changed.signal.aborted) throw error;
      log.warn({ err: error }, 'the former bus was not left in order');
    } finally {
      unsubscribe();
    }
    if (!signal.aborted) log.info({}, 'the Secret of the bus has changed');
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
