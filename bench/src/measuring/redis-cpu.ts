import type { Redis } from 'ioredis';

/** What a Redis has used since it began, ms. */
export interface RedisCpu {
  readonly atMs: number;
  readonly cpuMs: number;
  /** In EVALSHA_RO, wall time: of all clients in the benches only the autoscaler reads by it. */
  readonly scriptMs: number;
}

export async function readRedisCpu(redis: Redis): Promise<RedisCpu> {
  const info = await redis.info('cpu', 'commandstats');
  const number = (pattern: RegExp): number => Number(pattern.exec(info)?.[1] ?? 0);
  const seconds = number(/used_cpu_user:([\d.]+)/) + number(/used_cpu_sys:([\d.]+)/);
  const scriptMicroseconds = number(/cmdstat_evalsha_ro:calls=\d+,usec=(\d+)/);
  return { atMs: performance.now(), cpuMs: seconds * 1_000, scriptMs: scriptMicroseconds / 1_000 };
}

/** Of one core, percent. */
export function cpuPercent(before: RedisCpu, after: RedisCpu): number {
  return (100 * (after.cpuMs - before.cpuMs)) / (after.atMs - before.atMs);
}

/** Of one core, percent. */
export function scriptPercent(before: RedisCpu, after: RedisCpu): number {
  return (100 * (after.scriptMs - before.scriptMs)) / (after.atMs - before.atMs);
}

/** What one of two twins used beyond the other. */
export interface Excess {
  /** Of one core, percent, over the whole time. */
  readonly percent: number;
  /** Standard error of `percent`, from how it differs between the windows. */
  readonly error: number;
}

/**
 * Compares two servers that do the same, of which one does something more. Pure.
 *
 * @param one and twin, read at the same moments: at least three times, evenly.
 */
export function excessOf(one: readonly RedisCpu[], twin: readonly RedisCpu[]): Excess {
  const differences = one.slice(1).map((after, n) => cpuPercent(one[n]!, after) - cpuPercent(twin[n]!, twin[n + 1]!));
  const mean = differences.reduce((sum, difference) => sum + difference, 0) / differences.length;
  const squares = differences.reduce((sum, difference) => sum + (difference - mean) ** 2, 0);
  return {
    percent: cpuPercent(one[0]!, one.at(-1)!) - cpuPercent(twin[0]!, twin.at(-1)!),
    error: Math.sqrt(squares / (differences.length - 1) / differences.length),
  };
}
