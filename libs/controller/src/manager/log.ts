import { destination, pino, stdSerializers, stdTimeFunctions } from 'pino';
import { clipText } from '../objects/clip-text.ts';
import { maskSecrets } from './mask-secrets.ts';
import type { Log } from './types.ts';

export interface LogOptions {
  name: string;
  level?: string;
  /** Where lines go; default stdout. */
  write?: (line: string) => void;
}

/** JSON lines on stdout, each of bounded length and masked as a last safety net. Written at once, so that none is lost when the process ends. */
export function createLog({ name, level = 'info', write }: LogOptions): Log {
  const stdout = write === undefined ? destination({ fd: 1, sync: true }) : undefined;
  const sink = write ?? ((line: string) => stdout?.write(line));
  return pino(
    {
      name,
      level,
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: clipFields },
      serializers: { err: describeError },
      hooks: {
        logMethod(args, method) {
          const clipped = args.map((arg) => (typeof arg === 'string' ? clipText(arg, MAX_STRING) : arg));
          method.apply(this, clipped as Parameters<typeof method>);
        },
      },
    },
    { write: (line: string) => sink(maskSecrets(boundedLine(line))) },
  );
}

/** Of one string in a line: what tenants write, and what servers answer, has any length. */
const MAX_STRING = 4_096;
const MAX_LINE = 32_768;

function clipFields(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? clipText(value, MAX_STRING) : value,
  ]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function describeError(error: unknown): unknown {
  const described = stdSerializers.err(error as Error) as object;
  return error instanceof Error ? clipFields({ ...described }) : described;
}

/** A line that is too long although its strings are not says what it can. */
function boundedLine(line: string): string {
  if (line.length <= MAX_LINE) return line;
  const { level, time, name, msg } = JSON.parse(line) as Record<string, unknown>;
  return `${JSON.stringify({ level, time, name, msg, truncatedFrom: line.length })}\n`;
}
