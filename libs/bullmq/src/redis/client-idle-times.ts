import type { Cluster, Redis } from 'ioredis';
import { parseServerPressure } from './pressure.ts';
import { UnexpectedReplyError } from './reply.ts';

/** Whole seconds since each address last sent a command, by IP address; the least of its connections. */
export type ClientIdleTimes = ReadonlyMap<string, number>;

/** CLIENT LIST takes Redis about 4 us per connection: with so many it takes no longer than any script may. */
const MOST_CONNECTIONS = 2_000;

/**
 * Since when each address has not spoken to the server, or to any primary of a Redis Cluster: one CLIENT LIST each.
 *
 * @returns undefined when a server has too many connections to list them.
 * @throws UnexpectedReplyError when what answers is no Redis; what ioredis throws, see `classifyRedisError`.
 */
export async function readClientIdleTimes(redis: Redis): Promise<ClientIdleTimes | undefined> {
  const servers = 'nodes' in redis ? (redis as unknown as Cluster).nodes('master') : [redis];
  const lists = await Promise.all(servers.map(listClients));
  const idle = new Map<string, number>();
  for (const list of lists) {
    if (list === undefined) return undefined;
    for (const [address, seconds] of parseClientList(list))
      idle.set(address, Math.min(seconds, idle.get(address) ?? Infinity));
  }
  return idle;
}

async function listClients(redis: Redis): Promise<unknown> {
  const { clients } = parseServerPressure(await redis.info('clients'));
  if (clients === undefined || clients.connected > MOST_CONNECTIONS) return undefined;
  return await redis.client('LIST', 'TYPE', 'NORMAL');
}

/** A line of CLIENT LIST has some 400 characters; the rest of a longer one is a name that somebody gave. */
const LONGEST_LINE = 4_096;

/** Address and idle time of each connection, as CLIENT LIST has them, a line for each. Pure; linear in the length. */
export function parseClientList(list: unknown): [address: string, seconds: number][] {
  if (typeof list !== 'string') throw new UnexpectedReplyError('CLIENT LIST is no text');
  return list.split('\n').flatMap((line): [string, number][] => {
    if (line.length > LONGEST_LINE) return [];
    const [, address] = / addr=\[?([0-9A-Fa-f.:]{2,45}?)\]?:\d{1,5} /.exec(line) ?? [];
    const [, seconds] = / idle=(\d{1,9}) /.exec(line) ?? [];
    return address === undefined || seconds === undefined ? [] : [[address, Number(seconds)]];
  });
}
