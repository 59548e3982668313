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
  const fields = new Map<string, string>();
  const flat = reply[0] as string[];
  for (let at = 0; at + 1 < flat.length; at += 2) fields.set(flat[at]!, flat[at + 1]!);
  const opts = fields.get('opts');
  const badOpts = opts ? whyNoObject(opts) : undefined;
  const progress = fields.get('progress');
  const badProgress = progress ? whyNoJson(progress) : undefined;
  if (badOpts === undefined && badProgress === undefined) return reply;
  if (badProgress !== undefined) fields.delete('progress');
  if (badOpts !== undefined) {
    fields.delete('opts');
    // what it repeats by is in its options: without them BullMQ would drop the job unended
    fields.delete('rjk');
    fields.set('defa', whyUnreadable('opts', badOpts));
  }
  return [[...fields].flat(), ...(reply as unknown[]).slice(1)];
}

function whyNoJson(text: string): unknown {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error;
  }
}

function whyNoObject(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? undefined : new Error('they are no object');
  } catch (error) {
    return error;
  }
}
