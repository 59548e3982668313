/** Scripts of BullMQ whose reply may hold a job: `[fields, id, …]`, the fields as HGETALL gives them. */
const FETCHES: ReadonlySet<string> = new Set(['moveToActive', 'moveToFinished', 'moveToDelayed']);

/**
 * Why a job fails of which BullMQ can make none: nobody may run it, and one that only threw would be fetched again and
 * again, since only who can read a job counts its stalls.
 */
export function whyUnreadable(field: 'data' | 'opts', error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `the job's ${field} in Redis cannot be read: ${why.slice(0, 200)}; add it again as JSON, as BullMQ's Queue does`;
}

/**
 * Makes the job in a script's reply readable where its options or its progress are not: with unreadable options it has
 * none, and its failure is deferred, as BullMQ does for one that stalled too often; with unreadable progress it has made
 * none. The data, which may be large, are left to who parses them anyway.
 */
export function mendReply(script: string, reply: unknown): unknown {
  if (!FETCHES.has(script) || !Array.isArray(reply) || !Array.isArray(reply[0])) return reply;
  const fields = reply[0] as string[];
  const badOpts = whyUnfit(valueOf(fields, 'opts'), isObject);
  const badProgress = whyUnfit(valueOf(fields, 'progress'), () => true);
  if (badOpts === undefined && badProgress === undefined) return reply;
  const mended = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) mended.set(fields[at]!, fields[at + 1]!);
  if (badProgress !== undefined) mended.delete('progress');
  if (badOpts !== undefined) {
    mended.delete('opts');
    // what it repeats by is in its options: without them BullMQ would drop the job unended
    mended.delete('rjk');
    mended.set('defa', whyUnreadable('opts', badOpts));
  }
  return [[...mended].flat(), ...(reply as unknown[]).slice(1)];
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2) if (fields[at] === name) return fields[at + 1];
  return undefined;
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

/** Why a text is no JSON, or not of what is wanted; undefined: it is, or there is none. */
function whyUnfit(text: string | undefined, isFit: (value: unknown) => boolean): unknown {
  if (!text) return undefined;
  try {
    return isFit(JSON.parse(text)) ? undefined : new Error('they are no object');
  } catch (error) {
    return error;
  }
}
