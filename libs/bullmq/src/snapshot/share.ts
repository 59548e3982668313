import type { Milliseconds } from '@redis-queue/api';
import { parseServerPressure, type ServerPressure } from '../redis/pressure.ts';

/** As much is used by replies alone, on a Redis that does nothing else. */
const NOT_BUSY = 0.3;
/** From here on workers get less done for each ms that somebody else takes. */
const SATURATED = 0.5;
/** Of a busy one: 4,000 jobs per second. No backup is urgent, and workers lose as much again in the network. */
const BUSY_SHARE = 0.04;
/** Of a Redis that does not say how busy it is. */
const UNKNOWN_SHARE = 0.3;

/**
 * The share of a Redis' time that reading may take, while others use that share of it (0 to 1); undefined: not known.
 * All of it on an idle one, little on a busy one.
 */
export function shareWhileOthersUse(others: number | undefined): number {
  if (others === undefined) return UNKNOWN_SHARE;
  const busy = (others - NOT_BUSY) / (SATURATED - NOT_BUSY);
  return Math.min(1, Math.max(BUSY_SHARE, 1 - busy * (1 - BUSY_SHARE)));
}

/** What a Redis has done since it began. */
export interface ServerLoad extends Pick<ServerPressure, 'commandCpuMs' | 'readScriptMs'> {
  /** Time that scripts which may write, as workers' do, have run, ms. */
  readonly writeScriptMs?: Milliseconds;
}

/** @param info of processor time and commands. */
export function parseServerLoad(info: string): ServerLoad {
  const scripts = [...info.matchAll(/^cmdstat_(?:eval|evalsha|fcall):calls=\d+,usec=(\d+)/gm)].map(([, us]) =>
    Number(us),
  );
  return { ...parseServerPressure(info), writeScriptMs: scripts.reduce((sum, us) => sum + us, 0) / 1_000 };
}

/**
 * The share of its time that others kept Redis busy; undefined: it does not say. What is of them is processor time but
 * for scripts that read, or their scripts: where Redis waits for a core itself, scripts take longer than their processor
 * time.
 */
export function othersShare(before: ServerLoad, after: ServerLoad, ms: Milliseconds): number | undefined {
  if (before.commandCpuMs === undefined || after.commandCpuMs === undefined) return undefined;
  const since = (field: keyof ServerLoad): number => (after[field] ?? 0) - (before[field] ?? 0);
  return Math.max(0, since('commandCpuMs') - since('readScriptMs'), since('writeScriptMs')) / ms;
}
