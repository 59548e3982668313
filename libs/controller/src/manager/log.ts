import { destination, pino, stdTimeFunctions } from 'pino';
import type { Log } from './types.ts';

export interface LogOptions {
  name: string;
  level?: string;
  /** Where lines go; default stdout. */
  write?: (line: string) => void;
}

/**
 * JSON lines on stdout, each masked as a last safety net. Written at once, so that none is lost when the process ends.
 */
export function createLog({ name, level = 'info', write }: LogOptions): Log {
  const stdout = write === undefined ? destination({ fd: 1, sync: true }) : undefined;
  const sink = write ?? ((line: string) => stdout?.write(line));
  return pino(
    {
      name,
      level,
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => sink(maskSecrets(line)) },
  );
}

const SECRET_FIELD = /("[^"\\]*(?:password|passwd|token|authorization|redis-url|redisurl)[^"\\]*":)"(?:[^"\\]|\\.)*"/gi;
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s"'/@\\]*(?:@[^\s"'/@\\]*)*@/gi;
const BEARER = /\b(bearer\s+)[\w.~+/=-]+/gi;

/** `text` without credentials in URLs, bearer tokens and JSON fields that are named like secrets. */
export function maskSecrets(text: string): string {
  return text.replace(SECRET_FIELD, '$1"***"').replace(URL_CREDENTIALS, '$1***@').replace(BEARER, '$1***');
}
