import type { Redis } from 'ioredis';
import { UnexpectedReplyError } from './reply.ts';

/** Connections of a server, those of clients only. */
export interface ServerClients {
  readonly connected: number;
  /** As many as it takes: `maxclients`. */
  readonly max: number;
}

/** How near a server is to its limits, as its INFO reports. */
export interface ServerPressure {
  /** Share of the memory that it may use, 0..1 and above; undefined when it has no limit of its own. */
  readonly memory?: number;
  /** Undefined when it does not say how many it takes. */
  readonly clients?: ServerClients;
  /** Processor time that the thread which runs commands has used since the server began, ms. */
  readonly commandCpuMs?: number;
  /** Time that scripts which only read, as all sampling does, have run since the server began, ms. */
  readonly readScriptMs?: number;
}

/**
 * Reads memory, clients, processor time and script time: one INFO of four sections, about 100 µs of the server.
 *
 * @throws UnexpectedReplyError when it is no text; what ioredis throws, see `classifyRedisError`.
 */
export async function readServerPressure(redis: Redis): Promise<ServerPressure> {
  return parseServerPressure(await redis.info('memory', 'clients', 'cpu', 'commandstats'));
}

export function parseServerPressure(info: unknown): ServerPressure {
  if (typeof info !== 'string') throw new UnexpectedReplyError('INFO is no text');
  const field = (name: string): number | undefined =>
    finite(new RegExp(`^${name}:([0-9.]+)\\r?$`, 'm').exec(info)?.[1]);
  const [used, limit] = [field('used_memory'), field('maxmemory')];
  const [user, system] = [field('used_cpu_user_main_thread'), field('used_cpu_sys_main_thread')];
  const [connected, max] = [field('connected_clients'), field('maxclients')];
  const scripts = [...info.matchAll(/^cmdstat_eval(?:sha)?_ro:calls=\d+,usec=(\d+)/gm)].map(
    ([, us]) => finite(us) ?? 0,
  );
  return {
    ...(scripts.length > 0 && { readScriptMs: scripts.reduce((sum, us) => sum + us, 0) / 1_000 }),
    ...(used !== undefined && limit !== undefined && limit > 0 && { memory: used / limit }),
    ...(connected !== undefined && max !== undefined && max > 0 && { clients: { connected, max } }),
    ...(user !== undefined && system !== undefined && { commandCpuMs: (user + system) * 1_000 }),
  };
}

/** `text` as a number; undefined when it is none, such as `1.2.3`, or too large to be one. */
function finite(text: string | undefined): number | undefined {
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}
