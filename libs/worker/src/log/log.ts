export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Record<string, unknown>;

/** Structured logs: one JSON object per line, with the fields that every line of the pod shares. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields`. */
  child(fields: LogFields): Log;
}

const ORDER: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 };

/** A log that hands each line to `write`; lines below `level` are dropped. */
export function createLog(
  level: LogLevel,
  now: () => number,
  write: (line: string) => void,
  shared: LogFields = {},
): Log {
  const at =
    (of: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      if (ORDER[of] < ORDER[level]) return;
      const time = new Date(now()).toISOString();
      write(`${JSON.stringify({ level: of, time, ...shared, ...fields, msg: message }, textOfErrors)}\n`);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createLog(level, now, write, { ...shared, ...fields }),
  };
}

function textOfErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value;
}
