import { createHash, type Hash } from 'node:crypto';
import type { JobRecord } from './job-record.ts';
import type { Value } from './records.ts';

/**
 * A digest of all that a record has of a job, whatever the order of what has none: for jobs of which a script would take
 * too long to make one. It is another than the script's, so a job that grows beyond that counts as changed.
 */
export function digestOfRecord({ id, hash, logs, dependencies, processed, failed, unsuccessful }: JobRecord): string {
  const sha1 = createHash('sha1');
  addTexts(sha1, [id]);
  addHash(sha1, hash);
  addTexts(sha1, (logs ?? []).map(textOf));
  addTexts(sha1, (dependencies ?? []).toSorted());
  addHash(sha1, processed ?? {});
  addHash(sha1, failed ?? {});
  addTexts(
    sha1,
    (unsuccessful ?? [])
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .flatMap(([child, score]) => [child, String(score)]),
  );
  return sha1.digest('hex').slice(0, 16);
}

function addHash(sha1: Hash, hash: Readonly<Record<string, Value>>): void {
  const names = Object.keys(hash).toSorted();
  addTexts(
    sha1,
    names.flatMap((name) => [name, textOf(hash[name]!)]),
  );
}

/** How many there are, and each after its length: no two lists are the same text. */
function addTexts(sha1: Hash, texts: readonly string[]): void {
  sha1.update(`${texts.length};`);
  for (const text of texts) sha1.update(`${text.length}:`).update(text);
}

/** Different for a text and for bytes that are none. */
function textOf(value: Value): string {
  return typeof value === 'string' ? `t${value}` : `b${value.b64}`;
}
