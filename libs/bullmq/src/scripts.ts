import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { SCRIPTS } from './scripts.generated.ts';

export type ScriptName = keyof typeof SCRIPTS;
type Argument = string | number;

const SHA = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
) as Record<ScriptName, string>;

/** Runs a script that only reads, as a user with `+evalsha_ro +eval_ro` and read access may. */
export async function runReadScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return run(redis, name, 'evalsha_ro', 'eval_ro', keys, args);
}

/** Runs a script that may write. */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  return run(redis, name, 'evalsha', 'eval', keys, args);
}

/** Runs it by hash, or by text when the server does not know the hash: after its start, a failover or SCRIPT FLUSH. */
async function run(
  redis: Redis,
  name: ScriptName,
  byHash: string,
  byText: string,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<unknown> {
  try {
    return await redis.call(byHash, SHA[name], keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis.call(byText, SCRIPTS[name], keys.length, ...keys, ...args);
  }
}
