import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** One colour for each source of lines, in the order in which sources appear. */
const SOURCE_STYLES: readonly Style[] = ['cyan', 'magenta', 'yellow', 'green', 'blue', 'cyanBright', 'magentaBright'];

const LEVEL_STYLES: Record<string, Style> = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: ['red', 'bold'],
};

/** Wide enough for the longest name of a controller. */
const NAME_WIDTH = 'workerpool-controller'.length;

/** Fields that the line shows in places of their own, or that say what the name in front says already. */
const SHOWN_ELSEWHERE = new Set(['level', 'time', 'name', 'msg', 'err', 'pid', 'hostname']);

interface LoggedError {
  type?: string;
  message?: string;
  stack?: string;
}

export interface LogPrinter {
  /** The lines to print for one line of a source's output, JSON or not. */
  format(source: string, line: string): string[];
}

/** Turns lines of several sources into one stream for a person. Pure but for the colours that it has given out. */
export function logPrinter({ colour }: { colour: boolean }): LogPrinter {
  const styles = new Map<string, Style>();
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const nameOf = (source: string): string => {
    if (!styles.has(source)) styles.set(source, SOURCE_STYLES[styles.size % SOURCE_STYLES.length]!);
    return paint(styles.get(source)!, source.padEnd(NAME_WIDTH));
  };
  return {
    format: (source, line) => {
      const name = nameOf(source);
      const logged = parse(line);
      if (!logged) return [`${name} ${visible(line)}`];
      const level = word(logged['level']) || 'info';
      const error = logged['err'] as LoggedError | undefined;
      const head = [
        paint(LEVEL_STYLES[level] ?? 'green', level.toUpperCase().padEnd(5)),
        paint('gray', timeOfDay(logged['time'])),
        visible(word(logged['msg'])),
        ...fieldsOf(logged).map(([key, value]) => `${paint('gray', `${key}=`)}${value}`),
      ];
      return [head.filter(Boolean).join(' '), ...stackOf(error).map((each) => paint('red', each))].map(
        (each) => `${name} ${each}`,
      );
    },
  };
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    return typeof value['msg'] === 'string' || typeof value['level'] === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

function word(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function timeOfDay(time: unknown): string {
  const date = typeof time === 'string' || typeof time === 'number' ? new Date(time) : undefined;
  return date && !Number.isNaN(date.getTime()) ? date.toISOString().slice(11, 23) : '';
}

function fieldsOf(logged: Record<string, unknown>): [string, string][] {
  return Object.entries(logged).flatMap(([key, value]) =>
    SHOWN_ELSEWHERE.has(key) || value === undefined ? [] : [[visible(key), shown(value)] as [string, string]],
  );
}

/** A plain word stays as it is; everything else is JSON, so that it is clear where a value ends. */
function shown(value: unknown): string {
  return typeof value === 'string' && /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
}

function stackOf(error: LoggedError | undefined): string[] {
  if (!error) return [];
  const text = error.stack ?? `${error.type ?? 'Error'}: ${error.message ?? ''}`;
  return text.split('\n').map((line) => `    ${visible(line.trimEnd())}`);
}

/** Without control characters that a terminal would obey: jobs and objects can bring any text into a log. */
function visible(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '·');
}
