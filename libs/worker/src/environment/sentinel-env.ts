import type { PodRedis } from '../redis/open-redis.ts';

/** A variable without the space around it; undefined where it is not set or empty. */
export type ReadVariable = (name: string) => string | undefined;

const DEFAULT_SENTINEL_PORT = 26_379;
/** How long a Sentinel may take to name the primary, ms; after that the next one is asked. */
const SENTINEL_TIMEOUT_MS = 2_000;
/** How long a connection to a Sentinel or a server may take, ms: one that is gone without a word answers never. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Pause before the Sentinels are asked again when none of them named a primary, ms. */
const ASK_AGAIN_MS = 500;

/** Variables that also say where Redis is, and of which one has to win. */
const OTHER_PLACES = ['REDIS_URL', 'REDIS_HOST', 'REDIS_DB', 'REDIS_CLUSTER'] as const;

/**
 * The Sentinels to ask for the primary: `REDIS_SENTINELS` (comma-separated host:port), `REDIS_SENTINEL_MASTER_NAME`, and,
 * where the Sentinels themselves ask for them, `REDIS_SENTINEL_USERNAME` and `REDIS_SENTINEL_PASSWORD`.
 *
 * @returns undefined where no Sentinels are named.
 * @throws Error that names the variable at fault, never with a value.
 */
export function readSentinels(read: ReadVariable): (PodRedis & { encrypted: boolean }) | undefined {
  const text = read('REDIS_SENTINELS');
  const name = read('REDIS_SENTINEL_MASTER_NAME');
  if (text === undefined) {
    if (name === undefined) return undefined;
    throw new Error(
      'REDIS_SENTINEL_MASTER_NAME needs REDIS_SENTINELS, the addresses of the Sentinels; add redis-sentinels to the Secret',
    );
  }
  const other = OTHER_PLACES.find((variable) => read(variable) !== undefined);
  if (other !== undefined) {
    const key = other.toLowerCase().replace('_', '-');
    throw new Error(
      `REDIS_SENTINELS and ${other} both say where Redis is; remove redis-sentinels or ${key} from the Secret`,
    );
  }
  if (name === undefined) {
    throw new Error(
      'REDIS_SENTINELS need REDIS_SENTINEL_MASTER_NAME, the group of servers to ask for; add redis-sentinel-master-name to the Secret',
    );
  }
  const username = read('REDIS_SENTINEL_USERNAME');
  const password = read('REDIS_SENTINEL_PASSWORD');
  return {
    sentinels: parseSentinels(text),
    name,
    ...(username !== undefined && { sentinelUsername: username }),
    ...(password !== undefined && { sentinelPassword: password }),
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: () => ASK_AGAIN_MS,
    connectTimeout: CONNECT_TIMEOUT_MS,
    encrypted: false,
  };
}

function parseSentinels(text: string): { host: string; port: number }[] {
  const sentinels = text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map(parseSentinel);
  const parsed = sentinels.filter((each) => each !== undefined);
  if (sentinels.length === 0 || parsed.length < sentinels.length) {
    throw new Error('REDIS_SENTINELS (redis-sentinels) are not of the form host:port, host:port');
  }
  return parsed;
}

function parseSentinel(text: string): { host: string; port: number } | undefined {
  const [, ipv6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:@/[\]]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = ipv6 ?? name;
  const port = Number(digits ?? DEFAULT_SENTINEL_PORT);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
