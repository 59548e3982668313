import { compileJsonPath, valueAt } from './json-path.ts';

/** Which dead letters a redrive is about: those for which everything given holds. */
export interface LetterFilter {
  /** Names of jobs. */
  readonly names?: readonly string[];
  /** A part of the failed reason, of which the first 4 kB are looked at. */
  readonly failedReason?: string;
  /** finishedOn at the earliest and at the latest, Unix ms. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** A place in the job's data (see `compileJsonPath`), and the value there as text: acme, 42, true, null. */
  readonly data?: { readonly path: string; readonly equals: string };
}

/** What a filter looks at. */
export interface LetterFacts {
  readonly name: string;
  readonly failedReason: string;
  /** As stored; absent: too long to be read, or not asked for. */
  readonly data?: string;
}

export interface CompiledFilter {
  readonly fromMs: number;
  readonly toMs: number;
  /** Whether it has to be given the data. */
  readonly readsData: boolean;
  readonly matches: (letter: LetterFacts) => boolean;
}

/** @returns the filter, or what is wrong with it, in words. */
export function compileFilter(filter: LetterFilter): CompiledFilter | { readonly problem: string } {
  const { names, failedReason, fromMs = 0, toMs = Infinity, data } = filter;
  if (fromMs > toMs) return { problem: 'the time range ends before it begins' };
  const path = data && compileJsonPath(data.path);
  if (path && 'problem' in path) return path;
  const isNamed = names && new Set(names);
  return {
    fromMs,
    toMs,
    readsData: path !== undefined,
    matches: (letter) =>
      (isNamed?.has(letter.name) ?? true) &&
      (failedReason === undefined || letter.failedReason.includes(failedReason)) &&
      (path === undefined ||
        (letter.data !== undefined && textOf(valueAt(parsed(letter.data), path)) === data?.equals)),
  };
}

/** Undefined, which equals nothing, for what is there not, an object or an array. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value === undefined || (typeof value === 'object' && value !== null) ? undefined : JSON.stringify(value);
}

/** Undefined, which equals nothing, for what is no JSON: data that nobody but a worker of its own can read. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
