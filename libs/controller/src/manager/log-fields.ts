import { clipText } from '../objects/clip-text.ts';
import { maskAndClip, SECRET_NAME } from './mask-secrets.ts';

/** Of one string in a line: what tenants write, and what servers answer, has any length. */
export const MAX_STRING = 4_096;
const MAX_NAME = 128;
/** Of an object or a list. */
const MAX_ENTRIES = 50;
/** Of a line, whatever is within what. */
const MAX_VALUES = 500;
const MAX_DEPTH = 5;

/**
 * Fields of a log line as they are written: bounded in number, depth and length, and without what is named or looks
 * like a secret, whatever its type. Pure; fields that throw when they are read are not for logs.
 */
export function logFields(fields: Record<string, unknown>): Record<string, unknown> {
  return new Fields().object(fields, 0);
}

/** A value that stands in a line by itself. */
export function logValue(value: unknown): unknown {
  return new Fields().value(value, 0);
}

class Fields {
  #left = MAX_VALUES;

  value(value: unknown, depth: number): unknown {
    if (this.#left-- <= 0) return '…';
    if (typeof value === 'string') return maskAndClip(value, MAX_STRING);
    if (typeof value === 'bigint') return clipText(String(value), MAX_STRING);
    if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'no date' : value.toISOString();
    if (value instanceof URL) return maskAndClip(value.href, MAX_STRING);
    if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
    if (value instanceof Map || value instanceof Set) return `${value.size} entries`;
    if (depth >= MAX_DEPTH) return '…';
    if (value instanceof Error) return this.#error(value, depth);
    return Array.isArray(value) ? this.#list(value, depth) : this.object(value, depth);
  }

  object(object: object, depth: number): Record<string, unknown> {
    const entries = Object.entries(object).slice(0, MAX_ENTRIES);
    return Object.fromEntries(
      entries.map(([name, value]) => [clipText(name, MAX_NAME), this.#field(name, value, depth)]),
    );
  }

  #field(name: string, value: unknown, depth: number): unknown {
    const isSecret = value !== undefined && value !== null && typeof value !== 'boolean' && SECRET_NAME.test(name);
    return isSecret ? '***' : this.value(value, depth + 1);
  }

  #list(list: readonly unknown[], depth: number): unknown[] {
    const shown = list.slice(0, MAX_ENTRIES).map((value) => this.value(value, depth + 1));
    return list.length > MAX_ENTRIES ? [...shown, `… ${list.length - MAX_ENTRIES} more`] : shown;
  }

  /** Of its own fields only numbers, texts and truths: libraries attach commands, requests and their arguments. */
  #error(error: Error, depth: number): Record<string, unknown> {
    const { name, message, stack, cause, ...rest } = error as Error & { errors?: unknown };
    const plain = Object.entries(rest).filter(([, value]) => typeof value !== 'object');
    return {
      type: clipText(error.constructor.name || name, MAX_NAME),
      message: this.value(message, depth),
      stack: this.value(stack, depth),
      ...this.object(Object.fromEntries(plain), depth),
      ...(cause !== undefined && { cause: this.value(cause, depth + 1) }),
      ...(error instanceof AggregateError && { errors: this.#list(error.errors.slice(0, MAX_DEPTH), depth) }),
    };
  }
}
