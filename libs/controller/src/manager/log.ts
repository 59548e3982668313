import { destination, pino, stdTimeFunctions } from 'pino';
import { logFields, logValue, MAX_STRING } from './log-fields.ts';
import { maskAndClip, maskSecrets } from './mask-secrets.ts';
import type { Log } from './types.ts';

export interface LogOptions {
  name: string;
  level?: string;
  /** Where lines go; default stdout. */
  write?: (line: string) => void;
}

/**
 * JSON lines on stdout, each of bounded length, without secrets (see `logFields`). Written at once, so that none is lost
 * when the process ends.
 */
export function createLog({ name, level = 'info', write }: LogOptions): Log {
  const stdout = write === undefined ? destination({ fd: 1, sync: true }) : undefined;
  const sink = write ?? ((line: string) => stdout?.write(line));
  const log = pino(
    {
      name,
      level,
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: logFields },
      // Errors are described with all other fields.
      serializers: { err: (described: unknown) => described },
      hooks: {
        logMethod(args, method) {
          method.apply(this, boundedArguments(args) as Parameters<typeof method>);
        },
      },
    },
    { write: (line: string) => sink(maskSecrets(boundedLine(line))) },
  );
  // pino formats the fields of a line, and not those that a child adds to all of its lines; children inherit this.
  const child = Reflect.get(log, 'child') as unknown as (this: Log, bindings: object, ...options: unknown[]) => Log;
  return Object.assign(log, {
    child(this: Log, bindings: object, ...options: unknown[]): Log {
      return child.call(this, logFields({ ...bindings }), ...options);
    },
  });
}

const MAX_LINE = 32_768;

/** The message, and what is put into it, is no field; that of an error would be added to its line as it is. */
function boundedArguments([first, ...others]: readonly unknown[]): unknown[] {
  const values = others.map(logValue);
  if (typeof first !== 'object' || first === null) return [logValue(first), ...values];
  const fields = first instanceof Error ? { err: first } : first;
  if (values.length > 0 || !('err' in fields) || !(fields.err instanceof Error)) return [fields, ...values];
  return [fields, maskAndClip(fields.err.message, MAX_STRING)];
}

/** A line that is too long although its parts are not says what it can. */
function boundedLine(line: string): string {
  if (line.length <= MAX_LINE) return line;
  const { level, time, name, msg } = JSON.parse(line) as Record<string, unknown>;
  return `${JSON.stringify({ level, time, name, msg: logValue(msg), truncatedFrom: line.length })}\n`;
}
