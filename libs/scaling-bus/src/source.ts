import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RedisTarget } from '@redis-queue/bullmq';
import { SECRETS, type Log, type Manager, type ObjectCache, type Resource } from '@redis-queue/controller';
import { Gauge } from 'prom-client';
import { busCertificatesFromSecret, busRedisFromSecret, type BusTls } from './connection.ts';

/** How the bus is found: as the process was told when it started, or in a Secret, which may come and change later. */
export type BusSetting = { readonly redis: RedisTarget } | BusSecret;

export interface BusSecret {
  readonly secret: SecretKey;
  /** Whether to encrypt, whatever the URL says. */
  readonly tls: boolean;
  /** Expected in the server's certificate, where that is not the host. */
  readonly serverName?: string | undefined;
  /** Of certificates, as cert-manager keeps one: `ca.crt`, `tls.crt`, `tls.key`. In the namespace of the other one. */
  readonly certificates?: SecretKey | undefined;
}

interface SecretKey {
  readonly namespace: string;
  readonly name: string;
}

/** The part of a Secret that is read. */
export interface BusSecretObject extends Resource {
  /** Values in base64. */
  readonly data?: Readonly<Record<string, string>>;
}

/** Where the bus is, kept current. */
export interface BusSource {
  /** How to reach it now; undefined while nothing says so. */
  redis(): RedisTarget | undefined;
  /** Why nothing says so, as a sentence for people without any value of the Secret. */
  problem(): string | undefined;
  /** The caches of its Secrets; none where there is none to watch. */
  readonly caches: readonly ObjectCache<BusSecretObject>[];
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

function fixedSource(redis: RedisTarget): BusSource {
  return { redis: () => redis, problem: () => undefined, caches: [], onChange: () => () => undefined };
}

type Reading = { readonly redis: RedisTarget } | { readonly problem: string };

function secretSource(manager: Manager, { secret, certificates, tls, serverName }: BusSecret): BusSource {
  const cacheOf = ({ namespace, name }: SecretKey): ObjectCache<BusSecretObject> =>
    manager.cache<BusSecretObject>(SECRETS, { namespace, fieldSelector: `metadata.name=${name}` });
  const places = [secret, ...(certificates ? [certificates] : [])].map((key) => ({ key, cache: cacheOf(key) }));
  const listeners = new Set<() => void>();
  const read = (): Reading => {
    const [bus, named] = places.map(({ key, cache }): NamedSecret => ({
      key,
      isKnown: cache.hasSynced,
      object: cache.get(key),
    }));
    return readBusSecrets(bus!, named, { enabled: tls, serverName });
  };
  let reading = read();
  // Also after a change of labels, which is none for whoever holds a connection.
  const changed = (): void => {
    const next = read();
    if (isDeepStrictEqual(next, reading)) return;
    reading = next;
    for (const listener of listeners) listener();
  };
  for (const { cache } of places) {
    cache.onChange(changed);
    // Of a Secret that there is not, no change tells.
    void cache.whenSynced().then(changed);
  }
  return {
    redis: () => ('redis' in reading ? reading.redis : undefined),
    problem: () => ('problem' in reading ? reading.problem : undefined),
    caches: places.map(({ cache }) => cache),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

interface NamedSecret {
  readonly key: SecretKey;
  /** Whether it is known if there is one. */
  readonly isKnown: boolean;
  /** Absent: there is none. */
  readonly object: BusSecretObject | undefined;
}

function readBusSecrets(bus: NamedSecret, proof: NamedSecret | undefined, tls: BusTls): Reading {
  const certificates =
    proof && readSecret(proof, 'of certificates of the bus', CERTIFICATE_KEYS, busCertificatesFromSecret);
  if (typeof certificates === 'string') return { problem: certificates };
  const redis = readSecret(bus, 'of the bus', PLACE_KEYS, (data) => busRedisFromSecret(data, { ...tls, certificates }));
  return typeof redis === 'string' ? { problem: redis } : { redis };
}

const PLACE_KEYS = 'redis-url, redis-host or redis-sentinels';
const CERTIFICATE_KEYS = 'tls.crt and tls.key, or ca.crt';

/** @returns why it cannot be read, as a sentence. */
function readSecret<T extends object>(
  { key, isKnown, object }: NamedSecret,
  what: string,
  keys: string,
  read: (data: BusSecretObject['data']) => T,
): T | string {
  const name = `Secret ${key.namespace}/${key.name} ${what}`;
  if (!isKnown)
    return `${name} cannot be listed yet; see whether the controller has the right to, and the API server answers`;
  if (!object) return `${name} does not exist; create it with ${keys}`;
  try {
    return read(object.data);
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : 'it cannot be read'}`;
  }
}

/** After this long a Secret that cannot be listed is said to be missing; it is followed when it can be. */
const SYNC_MS = 10_000;

/**
 * Runs `use` with the bus as it is now, and again with another one whenever it changes, until `signal` aborts. The
 * signal that `use` gets aborts on a change too; what it has opened it closes then, within a time of its own. While nothing says where the bus
 * is, that is logged and nothing runs.
 */
export async function followBus(
  source: BusSource,
  log: Pick<Log, 'info' | 'warn'>,
  signal: AbortSignal,
  use: (redis: RedisTarget, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const synced = Promise.all(source.caches.map((cache) => cache.whenSynced(signal)));
  const late = sleep(SYNC_MS, undefined, { ref: false, signal });
  await Promise.race([synced, late]).catch(() => undefined);
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
