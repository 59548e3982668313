import { ConnectionShareError } from './connection-shares.ts';
import { TLS_OF_QUEUE, type TlsSettings } from './tls-settings.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';

/** Why a Redis command failed, as conditions say it. */
export type RedisErrorReason =
  | 'RedisUnreachable'
  | 'RedisAuthFailed'
  | 'RedisNoPermission'
  | 'RedisReadOnly'
  | 'RedisOutOfMemory'
  | 'RedisBusy'
  | 'QueueUnreadable'
  | 'RedisError'
  | 'WaitingForTurn';

export interface RedisProblem {
  readonly reason: RedisErrorReason;
  /** For people; holds no credential, whatever the server or client said. */
  readonly message: string;
}

/** Patterns for the text or code of an error, with its reason and message. The first match wins. */
const KNOWN: readonly (readonly [RegExp, RedisErrorReason, string])[] = [
  [
    /WRONGPASS|NOAUTH|invalid password|AUTH <password>/i,
    'RedisAuthFailed',
    'Redis refused the user or password of the Secret',
  ],
  [
    /NOPERM.* (one of the keys|a key\b)|can't access at least one of the keys|ACL failure in script.* keys/,
    'RedisNoPermission',
    "the Secret's Redis user may not use the keys of the queue: the key patterns of its ACL are not those of the queue's prefix",
  ],
  [
    /NOPERM|ACL failure in script|executing the script can't run/,
    'RedisNoPermission',
    "the Secret's Redis user lacks a permission that is needed",
  ],
  [/READONLY/, 'RedisReadOnly', 'Redis is a read-only replica; point the Secret at the primary'],
  [/^OOM|OOM command not allowed/, 'RedisOutOfMemory', 'Redis is out of memory and refuses writes'],
  [
    /WRONGTYPE/,
    'QueueUnreadable',
    'a key of the queue holds another type than BullMQ gives it; a job whose id is the name of a key, such as wait or meta, does that',
  ],
  [
    /^unexpected reply: (it is larger|a line of|arrays nested)/m,
    'QueueUnreadable',
    'a reply of Redis is larger than what redis-queue reads (4 MiB, 150,000 elements), so the connection was closed; see that the Secret names a Redis, and what its keys of the queue hold',
  ],
  [
    /^unexpected reply: no command waits for it/m,
    'QueueUnreadable',
    'the server sends replies that no command waits for, so the connection was closed; see that the Secret names a Redis, and that no proxy in between mixes up connections',
  ],
  [
    /^unexpected reply: /m,
    'QueueUnreadable',
    'what answers is not what Redis and the scripts of redis-queue say; see that the Secret names a Redis',
  ],
  [
    /DB index is out of range|invalid DB index|SELECT is not allowed in cluster mode/,
    'RedisError',
    "Redis has no database of the number that the Secret's redis-db or redis-url says",
  ],
  [
    /Too many Cluster redirections/,
    'RedisError',
    'the nodes of the Redis Cluster send commands on to each other without an end; see that each is reached at the address that it announces (cluster-announce-ip, cluster-announce-port)',
  ],
  [
    /NOREPLICAS|MISCONF/,
    'RedisBusy',
    'Redis takes no writes for now: too few replicas follow it (min-replicas-to-write), or it cannot save to its disk',
  ],
  [
    /MOVED \d|ASK \d|CROSSSLOT/,
    'RedisError',
    'Redis is a node of a Redis Cluster; say so by redis-cluster: "true" in the Secret',
  ],
  [
    /cluster support disabled/,
    'RedisError',
    'Redis is no node of a Redis Cluster, though redis-cluster of the Secret says so; remove it',
  ],
  [/BUSY |LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN/, 'RedisBusy', 'Redis answers, but is not ready to serve'],
  [
    /ALERT_CERTIFICATE_REQUIRED|alert certificate required/,
    'RedisUnreachable',
    'Redis asks for a client certificate; name a Secret with tls.crt and tls.key in {secretRef}',
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_[A-Z]+|ACCESS_DENIED|UNSUPPORTED_CERTIFICATE)|alert (unknown ca|bad certificate|certificate [a-z]+|access denied|unsupported certificate)/,
    'RedisUnreachable',
    'Redis does not accept the client certificate, tls.crt of the Secret: see who signed it, and whether it is still valid',
  ],
  [
    /ALERT_HANDSHAKE_FAILURE|alert handshake failure/,
    'RedisUnreachable',
    'Redis breaks off the TLS handshake; it may ask for a client certificate, which {secretRef} names',
  ],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'RedisUnreachable',
    'the certificate of Redis is for another name; give the one that it has as {serverName}',
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate has expired|certificate is not yet valid/,
    'RedisUnreachable',
    'the certificate of Redis, or of who signed it, is not valid now; renew it',
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)[A-Z_]*(ISSUER|LEAF)|self-signed certificate|unable to (verify the first|get (local )?issuer) certificate/,
    'RedisUnreachable',
    'the certificate of Redis is not signed by an authority that is known here; give it as redis-ca.crt of the Secret',
  ],
  [
    /^All sentinels are unreachable/m,
    'RedisUnreachable',
    'no Sentinel says where the primary is; check their addresses and the name of its group',
  ],
  [
    /ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE|timed out|Connection is closed|max retries per request|Stream isn't writeable|certificate|\bTLS|\bSSL|_(TLS|SSL)_/i,
    'RedisUnreachable',
    'Redis cannot be reached',
  ],
];

/** A name or code that says more and cannot be a secret: NOPERM's command, the socket's error code. */
const HARMLESS_DETAIL =
  /\b(ECONN[A-Z]+|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|E[A-Z]+UNREACH|EPIPE|[A-Z_]*CERT[A-Z_]+|ERR_SSL_[A-Z0-9_]+)\b|'[a-z|]{1,40}' command/;

/**
 * What is looked at of an error: a server may say 64 kB, and a pattern that looks for one text behind another takes the
 * square of that. What matters stands at the beginning.
 */
const LONGEST_TEXT = 500;
const MOST_TEXTS = 16;

/**
 * Classifies an error of ioredis, BullMQ or Redis by what a person has to do about it. The message is made of our own
 * words and a harmless code, because the server's text may repeat arguments.
 *
 * @param settings what messages call the settings for TLS; default those of a Queue.
 */
export function classifyRedisError(error: unknown, settings: TlsSettings = TLS_OF_QUEUE): RedisProblem {
  if (error instanceof ConnectionShareError) return { reason: 'WaitingForTurn', message: error.message };
  if (error instanceof UnreadableKeyError) return { reason: 'QueueUnreadable', message: error.message };
  const text = errorTexts(error).slice(0, MOST_TEXTS).join('\n');
  const known = KNOWN.find(([pattern]) => pattern.test(text));
  const [, reason, said] = known ?? [undefined, 'RedisError' as const, 'Redis answered with an error'];
  const message = said.replace(/\{(secretRef|serverName)\}/, (_, name: keyof TlsSettings) => settings[name]);
  const detail = HARMLESS_DETAIL.exec(text)?.[0];
  return { reason, message: detail === undefined ? message : `${message} (${detail})` };
}

/** The messages and codes of an error and of what it wraps. */
function errorTexts(error: unknown, depth = 0): string[] {
  if (depth > 4 || !(error instanceof Error)) return depth === 0 ? [String(error).slice(0, LONGEST_TEXT)] : [];
  const { code, lastNodeError, previousErrors } = error as {
    code?: unknown;
    lastNodeError?: unknown;
    previousErrors?: unknown[];
  };
  const wrapped = [
    error.cause,
    lastNodeError,
    ...(error instanceof AggregateError ? error.errors.slice(0, MOST_TEXTS) : []),
    ...(previousErrors ?? []).slice(0, MOST_TEXTS),
  ];
  return [
    error.message.slice(0, LONGEST_TEXT),
    typeof code === 'string' ? code.slice(0, LONGEST_TEXT) : '',
    ...wrapped.flatMap((inner) => errorTexts(inner, depth + 1)),
  ];
}
