import { readCertificates, type CertificateKey, type Certificates } from './client-certificate.ts';
import { TLS_OF_QUEUE, type TlsSettings } from './tls-settings.ts';
import type { HostAndPort, RedisAddress, RedisSentinels, RedisTarget, RedisTls } from './target.ts';

/** `spec.redis.tls` of a Queue. */
export interface TlsSpec {
  readonly enabled?: boolean;
  readonly serverName?: string;
  readonly secretRef?: { readonly name: string };
}

export type ParsedTarget =
  | { readonly ok: true; readonly target: RedisTarget }
  | { readonly ok: false; readonly reason: 'SecretInvalid'; readonly message: string };

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26_379;

const CA = 'redis-ca.crt';
/** Of the private CA in bytes: some 30 certificates. It is kept in memory, and handed to each connection. */
const MAX_CA = 64 * 1024;
/** Of every other value that is read, in bytes: passwords that are tokens have some kB. */
const MAX_VALUE = 8 * 1024;

/** Every key that is read, and how large it may be in bytes. */
const MAX_BYTES: Readonly<Record<string, number>> = {
  'redis-url': MAX_VALUE,
  'redis-host': MAX_VALUE,
  'redis-port': MAX_VALUE,
  'redis-db': MAX_VALUE,
  'redis-username': MAX_VALUE,
  'redis-password': MAX_VALUE,
  'redis-cluster': MAX_VALUE,
  'redis-sentinels': MAX_VALUE,
  'redis-sentinel-master-name': MAX_VALUE,
  'redis-sentinel-username': MAX_VALUE,
  'redis-sentinel-password': MAX_VALUE,
  [CA]: MAX_CA,
};

/** The same of a Secret of certificates. The chain is sent, and taken apart, at each connection. */
const MAX_CERTIFICATE_BYTES: Readonly<Record<CertificateKey, number>> = {
  'ca.crt': MAX_CA,
  'tls.crt': MAX_VALUE * 2,
  'tls.key': MAX_VALUE * 2,
};

type SecretData = Readonly<Record<string, string>>;
/** The text under a key of a Secret, or of what stands for one; undefined where it has none. */
export type ReadKey = (key: string) => string | undefined;

/** What messages call the place that was read, its keys, and what turns TLS on. */
export interface RedisWords extends TlsSettings {
  /** Such as `the Secret`. */
  readonly holder: string;
  readonly nameOf: (key: string) => string;
  /** The same, where a sentence is about the key alone. */
  readonly itsKey: (key: string) => string;
  /** In the imperative; another way is a rediss:// URL. */
  readonly turnTlsOn: string;
}

const OF_QUEUE: RedisWords = {
  holder: 'the Secret',
  nameOf: (key) => key,
  itsKey: (key) => `the Secret's ${key}`,
  turnTlsOn: 'set spec.redis.tls.enabled: true in the Queue',
  ...TLS_OF_QUEUE,
};

/** The CA of each Secret, decoded: one text for all ways in which its queues ask for TLS. */
const authorities = new WeakMap<SecretData, string>();

/**
 * Reads a Secret's `data` (base64 values) as a Redis target.
 *
 * One of three says where it is: `redis-url` (redis:// or rediss://); `redis-host`, with `redis-port` and `redis-db`; or
 * `redis-sentinels` (comma-separated host:port), with `redis-sentinel-master-name` and, where the Sentinels ask for
 * them, `redis-sentinel-username` and `redis-sentinel-password`. Two of them in one Secret are refused. `redis-username` and `redis-password` are for the
 * servers and override those of the URL. `redis-ca.crt` holds a private CA, and needs TLS: a rediss:// URL, or the
 * spec's `enabled`. `redis-cluster: "true"` says that the address is a node of a Redis Cluster. The CA may have 64 kB,
 * any other value 8 kB.
 *
 * @param data never changed afterwards: what is decoded of it is remembered with it.
 * @param certificates of the Secret that `tls.secretRef` names: `ca.crt`, `tls.crt`, `tls.key`.
 * @returns the target, or a message that names the key at fault and never repeats a value.
 */
export function parseRedisSecret(
  data: SecretData = {},
  tls: TlsSpec = {},
  certificates: Certificates = {},
): ParsedTarget {
  const target = describeLargeValue(data, MAX_BYTES) ?? readRedis(readerOf(data), tls, certificates);
  return typeof target === 'string' ? { ok: false, reason: 'SecretInvalid', message: target } : { ok: true, target };
}

/** The texts of a Secret's `data`, without the newline that `echo` leaves at their end. */
export function readerOf(data: SecretData): ReadKey {
  return (key) => (key === CA ? readAuthority(data) : decodeValue(data, key));
}

/**
 * The same of texts that lie anywhere, under the keys of such a Secret.
 *
 * @param words for messages; default those for the Secret of a Queue.
 * @returns the target, or a message that names the key at fault and never repeats a value.
 */
export function readRedis(
  read: ReadKey,
  tls: TlsSpec,
  certificates: Certificates,
  words: RedisWords = OF_QUEUE,
): RedisTarget | string {
  const place = read('redis-sentinels') === undefined ? readAddress(read, words) : readSentinels(read, words);
  if (typeof place === 'string') return place;
  const { encrypted, ...target } = place;
  const plain = !encrypted && tls.enabled !== true;
  const unused = plain ? describeUnusedTls(read, tls, words) : undefined;
  if (unused !== undefined) return unused;
  const username = read('redis-username');
  const password = read('redis-password');
  return {
    ...target,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(!plain && { tls: readTls(read, tls, certificates) }),
  };
}

/**
 * Reads `data` of a Secret of certificates.
 *
 * @param namedBy the setting that names it, for messages; default `tls.secretRef` of a Queue.
 * @returns a message that names the key at fault and never repeats a value.
 */
export function parseCertificates(data: SecretData = {}, namedBy?: string): Certificates | string {
  return describeLargeValue(data, MAX_CERTIFICATE_BYTES) ?? readCertificates((key) => decodeValue(data, key), namedBy);
}

function decodeValue(data: SecretData, key: string): string | undefined {
  const text = Buffer.from(data[key] ?? '', 'base64')
    .toString('utf8')
    .trim();
  return text === '' ? undefined : text;
}

function readAuthority(data: SecretData): string | undefined {
  const known = authorities.get(data);
  if (known !== undefined) return known;
  const ca = decodeValue(data, CA);
  if (ca !== undefined) authorities.set(data, ca);
  return ca;
}

/**
 * The part of a Secret's `data` that `parseRedisSecret` or `parseCertificates` reads: what it says of the rest is the same. A value that is too
 * large stays too large, by a byte. A tenant's Secret may have 1 MB, and there may be thousands of them.
 */
export function boundRedisSecret(data: SecretData = {}): SecretData {
  const known = Object.entries({ ...MAX_BYTES, ...MAX_CERTIFICATE_BYTES }).flatMap(([key, maxBytes]) => {
    const value = data[key];
    if (value === undefined) return [];
    const isLarge = Buffer.byteLength(value, 'base64') > maxBytes;
    // Copied: a part of a text keeps all of it in memory.
    return [
      [
        key,
        isLarge
          ? Buffer.from(value, 'base64')
              .subarray(0, maxBytes + 1)
              .toString('base64')
          : value,
      ] as const,
    ];
  });
  return Object.fromEntries(known);
}

function describeLargeValue(data: SecretData, most: Readonly<Record<string, number>>): string | undefined {
  for (const [key, maxBytes] of Object.entries(most)) {
    const bytes = Buffer.byteLength(data[key] ?? '', 'base64');
    if (bytes <= maxBytes) continue;
    const wayOut = key === CA || key === 'ca.crt' ? "; leave only the authority that signed Redis's certificate" : '';
    return `the Secret's ${key} has more than ${maxBytes / 1024} kB${wayOut}`;
  }
  return undefined;
}

/** Who names a certificate or an authority expects TLS: without it the password would travel in plain text. */
function describeUnusedTls(
  read: ReadKey,
  { serverName, secretRef }: TlsSpec,
  { turnTlsOn, itsKey, ...words }: RedisWords,
): string | undefined {
  const wayOut = `is only for TLS, which is not turned on; ${turnTlsOn}, or use a rediss:// URL`;
  if (serverName !== undefined) return `${words.serverName} ${wayOut}, or remove it`;
  if (secretRef !== undefined) return `${words.secretRef} ${wayOut}, or remove it`;
  if (read(CA) !== undefined) return `${itsKey(CA)} ${wayOut}, or remove it`;
  return undefined;
}

function readTls(read: ReadKey, { serverName }: TlsSpec, certificates: Certificates): RedisTls {
  const ca = read(CA);
  return { ...certificates, ...(ca !== undefined && { ca }), ...(serverName !== undefined && { serverName }) };
}

/** A place, and whether it speaks TLS whatever the spec says; or what is wrong. */
type Read<T extends RedisTarget> = (T & { readonly encrypted: boolean }) | string;

/** Keys that say again what the URL says; readers of one Secret must not have to guess which of them wins. */
const BESIDE_URL = ['redis-host', 'redis-port', 'redis-db'] as const;

function readAddress(read: ReadKey, words: RedisWords): Read<RedisAddress> {
  const { holder, nameOf, itsKey } = words;
  if (read('redis-sentinel-master-name') !== undefined)
    return `${itsKey('redis-sentinel-master-name')} needs ${nameOf('redis-sentinels')}, the addresses of the Sentinels; add them`;
  const url = read('redis-url');
  const other = url === undefined ? undefined : BESIDE_URL.find((key) => read(key) !== undefined);
  if (other) return `${holder} has both ${nameOf('redis-url')} and ${nameOf(other)}; remove one of them`;
  const address = url === undefined ? fromHostAndPort(read, words) : fromUrl(url, words);
  if (typeof address === 'string') return address;
  const cluster = read('redis-cluster') ?? 'false';
  if (cluster !== 'true' && cluster !== 'false') return `${itsKey('redis-cluster')} is neither true nor false`;
  if (cluster === 'false') return address;
  if (address.db !== undefined)
    return `a Redis Cluster has no database but 0; remove the number from ${nameOf('redis-url')}, or ${nameOf('redis-db')}, or ${nameOf('redis-cluster')}`;
  return { ...address, cluster: true };
}

/** Keys that also say where Redis is, and of which one has to win. */
const OTHER_PLACES = ['redis-url', 'redis-host', 'redis-db', 'redis-cluster'] as const;

function readSentinels(read: ReadKey, { holder, nameOf, itsKey }: RedisWords): Read<RedisSentinels> {
  const other = OTHER_PLACES.find((key) => read(key) !== undefined);
  if (other) return `${holder} has both ${nameOf('redis-sentinels')} and ${nameOf(other)}; remove one of them`;
  const masterName = read('redis-sentinel-master-name');
  if (masterName === undefined)
    return `${itsKey('redis-sentinels')} need ${nameOf('redis-sentinel-master-name')}, the group of servers to ask for; add it`;
  const sentinels = (read('redis-sentinels') ?? '')
    .split(',')
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(parseSentinel);
  if (sentinels.length === 0 || !sentinels.every((each) => each !== undefined))
    return `${itsKey('redis-sentinels')} are not of the form host:port, host:port`;
  const sentinelUsername = read('redis-sentinel-username');
  const sentinelPassword = read('redis-sentinel-password');
  return {
    sentinels,
    masterName,
    ...(sentinelUsername !== undefined && { sentinelUsername }),
    ...(sentinelPassword !== undefined && { sentinelPassword }),
    encrypted: false,
  };
}

function parseSentinel(text: string): HostAndPort | undefined {
  const [, ipv6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:@/[\]]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits ?? DEFAULT_SENTINEL_PORT);
  return host !== undefined && isPort(port) ? { host, port } : undefined;
}

/** An IPv6 address as URLs have it. */
const IN_BRACKETS = /^\[(.*)\]$/;

function fromHostAndPort(read: ReadKey, { holder, nameOf, itsKey }: RedisWords): Read<RedisAddress> {
  const host = read('redis-host')?.replace(IN_BRACKETS, '$1');
  if (host === undefined)
    return `${holder} has neither ${nameOf('redis-url')} nor ${nameOf('redis-host')}; add one of them`;
  const port = Number(read('redis-port') ?? DEFAULT_PORT);
  if (!isPort(port)) return `${itsKey('redis-port')} is not a port number between 1 and 65535`;
  const database = read('redis-db') ?? '0';
  if (!/^\d+$/.test(database)) return `${itsKey('redis-db')} is not a database number such as 0`;
  const db = Number(database);
  return { host, port, encrypted: false, ...(db > 0 && { db }) };
}

function fromUrl(text: string, { nameOf, itsKey }: RedisWords): Read<RedisAddress> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    return `${itsKey('redis-url')} is not of the form redis://host:port or rediss://host:port`;
  }
  const db = Number(url.pathname.slice(1) || 0);
  if (!Number.isInteger(db) || db < 0) return `${itsKey('redis-url')} ends in a path that is not a database number`;
  const username = decode(url.username);
  const password = decode(url.password);
  if (username === undefined || password === undefined) {
    return `the user or password in ${itsKey('redis-url')} is not percent-encoded; put it under ${nameOf('redis-password')} instead`;
  }
  return {
    host: url.hostname.replace(IN_BRACKETS, '$1'),
    port: Number(url.port || DEFAULT_PORT),
    encrypted: url.protocol === 'rediss:',
    ...(username && { username }),
    ...(password && { password }),
    ...(db > 0 && { db }),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
