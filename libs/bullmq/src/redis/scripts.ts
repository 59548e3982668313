import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { SCRIPTS } from './scripts.generated.ts';

export type ScriptName = keyof typeof SCRIPTS;
/** A Buffer where the text may be no valid UTF-8. */
export type ScriptArgument = string | number | Buffer;

const SHA = Object.fromEntries(
  Object.entries(SCRIPTS).map(([name, text]) => [name, createHash('sha1').update(text).digest('hex')]),
) as Record<ScriptName, string>;

/** Runs a script that only reads, as a user with `+evalsha_ro +eval_ro` and read access may. */
export async function runReadScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  return run(redis, name, 'evalsha_ro', 'eval_ro', keys, args);
}

/** The same, for what may be no text: texts of the reply are bytes. */
export async function runReadScriptForBytes(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  return run(redis, name, 'evalsha_ro', 'eval_ro', keys, args, 'callBuffer');
}

/**
 * The same, and how long Redis was busy with it, by its own clock, asked in one write as `runScriptAndTime` does.
 *
 * @returns `scriptMs` undefined: not known.
 */
export async function runTimedReadScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<{ readonly reply: unknown; readonly scriptMs?: number }> {
  const time = ['evalsha_ro', SHA.redisTime, 1, keys[0]!] as const;
  const replies = await redis
    .pipeline()
    .call(...time)
    .callBuffer('evalsha_ro', SHA[name], keys.length, ...keys, ...args)
    .call(...time)
    .exec();
  const [[, began] = [], [error, reply] = [], [, ended] = []] = replies ?? [];
  if (error?.message.startsWith('NOSCRIPT')) return { reply: await runReadScriptForBytes(redis, name, keys, args) };
  if (error) throw error;
  // So that Redis knows it the next time.
  if (ended === undefined) await runReadScript(redis, 'redisTime', keys, []);
  const scriptMs = (Number(ended) - Number(began)) / 1_000;
  return { reply, ...(scriptMs >= 0 && { scriptMs }) };
}

/** Runs a script that may write. */
export async function runScript(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<unknown> {
  return run(redis, name, 'evalsha', 'eval', keys, args);
}

/**
 * Runs a script that may write, and asks for Redis' time right behind it, in one write: Redis runs what came together from
 * one client without another in between. A script's own clock will not do: since Redis 7.2 it stands still.
 *
 * @returns `ended` undefined: not known, because Redis had to be sent the text of either script.
 */
export async function runScriptAndTime(
  redis: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly ScriptArgument[],
): Promise<{ readonly reply: unknown; readonly ended?: unknown }> {
  const replies = await redis
    .pipeline([
      ['evalsha', SHA[name], keys.length, ...keys, ...args],
      ['evalsha_ro', SHA.redisTime, 1, keys[0]!],
    ])
    .exec();
  const [[error, reply] = [], [, ended] = []] = replies ?? [];
  if (error?.message.startsWith('NOSCRIPT')) return { reply: await runScript(redis, name, keys, args) };
  if (error) throw error;
  // So that Redis knows it the next time.
  if (ended === undefined) await runReadScript(redis, 'redisTime', keys, []);
  return { reply, ended };
}

export interface ScriptCall {
  readonly name: ScriptName;
  readonly keys: readonly string[];
  readonly args: readonly ScriptArgument[];
}

/**
 * Runs scripts one after the other in one pipeline. When one fails, the others are run all the same; when Redis does not
 * know one, all are run again, so each has to be idempotent.
 *
 * @param write absent: they only read.
 * @throws the error of the first that failed.
 */
export async function runScripts(
  redis: Redis,
  calls: readonly ScriptCall[],
  { write = false }: { readonly write?: boolean } = {},
): Promise<unknown[]> {
  const send = async (unknown: Set<ScriptName>): Promise<[Error | null, unknown][]> => {
    const commands = calls.map(({ name, keys, args }): (string | number | Buffer)[] => {
      const byText = unknown.delete(name);
      const command = byText ? (write ? 'eval' : 'eval_ro') : write ? 'evalsha' : 'evalsha_ro';
      return [command, byText ? SCRIPTS[name] : SHA[name], keys.length, ...keys, ...args];
    });
    return (await redis.pipeline(commands).exec()) ?? [];
  };
  let replies = await send(new Set());
  if (replies.some(([error]) => error?.message.startsWith('NOSCRIPT')))
    replies = await send(new Set(calls.map(({ name }) => name)));
  return replies.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
}

/** Runs it by hash, or by text when the server does not know the hash: after its start, a failover or SCRIPT FLUSH. */
async function run(
  redis: Redis,
  name: ScriptName,
  byHash: string,
  byText: string,
  keys: readonly string[],
  args: readonly ScriptArgument[],
  call: 'call' | 'callBuffer' = 'call',
): Promise<unknown> {
  try {
    return await redis[call](byHash, SHA[name], keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return await redis[call](byText, SCRIPTS[name], keys.length, ...keys, ...args);
  }
}
