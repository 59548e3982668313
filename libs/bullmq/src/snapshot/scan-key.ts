import { UnexpectedReplyError } from '../redis/reply.ts';
import { bytesOf, listOf } from './job-record.ts';
import type { QueueReads } from './queue-reads.ts';
import { UnreadableKeyError } from '../redis/unreadable-key-error.ts';

export type ScanCommand = 'LRANGE' | 'SSCAN' | 'HSCAN' | 'ZSCAN';

/** Elements that are asked for; fewer where they are long. */
const COUNT = 500;
/** Of the count per page, after one that was too large: slowly, for others may be as long. */
export const GROWTH = 1.25;
/** Of one reply; that of Redis' own protocol comes on top. */
const MAX_PAGE_BYTES = 2_000_000;

/**
 * The elements of a key page by page, as Redis gives them: some may come twice, but none is left out that is there all
 * the time, whatever its score. Of a list from its beginning, in its order.
 *
 * @param count how many to ask for at a time.
 */
export async function* scanKey(
  reads: QueueReads,
  suffix: string,
  command: ScanCommand,
  count = COUNT,
): AsyncGenerator<readonly unknown[]> {
  let [cursor, asked] = ['0', count];
  for (;;) {
    const last = command === 'LRANGE' ? Number(cursor) + asked - 1 : asked;
    // oxlint-disable-next-line no-await-in-loop -- page by page
    const page = await readPage(reads, suffix, command, cursor, last);
    if (!page) {
      if (asked === 1)
        throw new UnreadableKeyError(reads.key(suffix), `an element is larger than ${MAX_PAGE_BYTES} bytes`);
      asked = Math.ceil(asked / 4);
      continue;
    }
    yield page.elements;
    if (command === 'LRANGE' ? page.elements.length < asked : page.cursor === '0') return;
    cursor = command === 'LRANGE' ? String(Number(cursor) + asked) : page.cursor;
    asked = Math.min(count, Math.ceil(asked * GROWTH));
  }
}

/** A part of a list by its first and last index; undefined: it is too large for a reply. */
export async function readRange(
  reads: QueueReads,
  suffix: string,
  first: number,
  last: number,
): Promise<readonly unknown[] | undefined> {
  return (await readPage(reads, suffix, 'LRANGE', String(first), last))?.elements;
}

async function readPage(
  reads: QueueReads,
  suffix: string,
  command: ScanCommand,
  cursor: string,
  last: number,
): Promise<{ readonly cursor: string; readonly elements: readonly unknown[] } | undefined> {
  const reply = await reads.runOn(suffix, 'scanKey', [command, cursor, last, MAX_PAGE_BYTES]);
  if (reply === 0) return undefined;
  const [next, elements] = listOf(reply);
  const nextCursor = bytesOf(next).toString();
  if (!/^\d+$/.test(nextCursor)) throw new UnexpectedReplyError('a cursor is none');
  return { cursor: nextCursor, elements: listOf(elements) };
}
