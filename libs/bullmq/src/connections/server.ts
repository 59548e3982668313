import type { Redis } from 'ioredis';

export interface ServerInfo {
  /** `redis 7.0.15`, `valkey 8.0.1`. */
  readonly product: string;
  readonly version: string;
  /** Old enough to lack what we need: Redis < 7.0 or Valkey < 7.2. */
  readonly tooOld: boolean;
  /** Absent: the server does not report it. Any but `noeviction` may drop jobs when memory runs out. */
  readonly maxmemoryPolicy?: string;
  readonly role?: string;
}

/** Asks the server what it is: one INFO. */
export async function readServerInfo(redis: Redis): Promise<ServerInfo> {
  return parseServerInfo(await redis.info());
}

/** Longest text taken of a field: what answers may be no Redis, and the text is kept and shown. */
const MAX_FIELD_LENGTH = 64;

export function parseServerInfo(info: string): ServerInfo {
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:([^\\r\\n]{0,${MAX_FIELD_LENGTH}})`, 'm').exec(info)?.[1];
  const valkey = field('valkey_version');
  const version = valkey ?? field('redis_version') ?? '0';
  const [product, oldest] = valkey ? (['valkey', [7, 2]] as const) : (['redis', [7, 0]] as const);
  const policy = field('maxmemory_policy');
  const role = field('role');
  return {
    product,
    version,
    tooOld: isOlder(version, oldest),
    ...(policy && { maxmemoryPolicy: policy }),
    ...(role && { role }),
  };
}

function isOlder(version: string, [major, minor]: readonly [number, number]): boolean {
  const [haveMajor = 0, haveMinor = 0] = version.split('.').map(Number);
  return haveMajor < major || (haveMajor === major && haveMinor < minor);
}
