import { UnexpectedReplyError } from '../redis/reply.ts';
import type { RecordOf, Value } from './records.ts';
import { emptyHash, textOf, valueOf } from './values.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';

export type JobRecord = RecordOf<'job'>;

/** Parts of a job that have keys of their own, and the command that reads some elements of each. */
export const PARTS = [
  ['logs', 'LRANGE'],
  ['dependencies', 'SSCAN'],
  ['processed', 'HSCAN'],
  ['failed', 'HSCAN'],
  ['unsuccessful', 'ZSCAN'],
] as const;
export type Part = (typeof PARTS)[number][0];

/** A text that is an id or the name of a field or key. @throws UnreadableKeyError when it is no UTF-8. */
export function nameOf(bytes: unknown, key: string): string {
  const text = bytesOf(bytes);
  const name = textOf(text);
  if (name === undefined)
    throw new UnreadableKeyError(key, 'it holds a name that is no UTF-8, which BullMQ never gives');
  return name;
}

/** Of fields and values in turns, as Redis gives them. */
export function hashOf(flat: unknown, key: string): Record<string, Value> {
  const fields = listOf(flat);
  const hash = emptyHash();
  for (let at = 0; at + 1 < fields.length; at += 2) hash[nameOf(fields[at], key)] = valueOf(bytesOf(fields[at + 1]));
  return hash;
}

/** Adds a part of a job to its record; `elements` as Redis gives them. */
export function setPart(job: JobRecord, part: Part, elements: readonly unknown[], key: string): void {
  if (part === 'logs') job.logs = elements.map((line) => valueOf(bytesOf(line)));
  else if (part === 'dependencies') job.dependencies = elements.map((name) => nameOf(name, key));
  else if (part === 'unsuccessful') job.unsuccessful = scoresOf(elements, key);
  else job[part] = hashOf(elements, key);
}

function scoresOf(elements: readonly unknown[], key: string): [string, number][] {
  const scores: [string, number][] = [];
  for (let at = 0; at + 1 < elements.length; at += 2) {
    const score = Number(bytesOf(elements[at + 1]).toString());
    if (!Number.isFinite(score)) throw new UnreadableKeyError(key, 'it holds a time that is none');
    scores.push([nameOf(elements[at], key), score]);
  }
  return scores;
}

/** @throws UnexpectedReplyError when it is no text of a reply. */
export function bytesOf(reply: unknown): Buffer {
  if (!Buffer.isBuffer(reply)) throw new UnexpectedReplyError('what should be a text is none');
  return reply;
}

/** @throws UnexpectedReplyError when it is no list of a reply. */
export function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new UnexpectedReplyError('what should be a list is none');
  return reply as unknown[];
}
