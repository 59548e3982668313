import type { IndexEntry, Value } from './records.ts';

/** @returns undefined for what is no valid UTF-8. */
export function textOf(bytes: Buffer): string | undefined {
  const text = bytes.toString('utf8');
  // What is wrong becomes U+FFFD; a text may hold one as well.
  return text.includes('\uFFFD') && !Buffer.from(text, 'utf8').equals(bytes) ? undefined : text;
}

export function valueOf(bytes: Buffer): Value {
  return textOf(bytes) ?? { b64: bytes.toString('base64') };
}

/** Without a prototype, because a job's field may have the name `__proto__`. */
export function emptyHash(): Record<string, Value> {
  return Object.create(null) as Record<string, Value>;
}

/** A score as Redis writes it, as a number unless JSON would hold another one. */
export function entryOf(id: string, score: string): IndexEntry {
  const number = Number(score);
  return [id, Number.isFinite(number) && String(number) === score ? number : score];
}
