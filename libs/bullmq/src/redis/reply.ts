/**
 * A reply of another shape than our scripts give: the address is of no Redis, or somebody changed what answers there.
 * It is the fault of the one queue or server, see `classifyRedisError`, and never of the program that reads it.
 */
export class UnexpectedReplyError extends Error {
  override readonly name = 'UnexpectedReplyError';
  readonly what: string;

  constructor(what: string, options?: ErrorOptions) {
    super(`unexpected reply: ${what}`, options);
    this.what = what;
  }
}

/** What a server sent was so wrong that its connection was closed: it is the fault of the server, not of a queue. */
export class ProtocolError extends UnexpectedReplyError {}

/** The latest time that a `Date` can hold, Unix ms. */
export const MAX_TIME_MS = 8.64e15;

/**
 * Whether it is a count, or a time in ms. Whoever may write to a queue may write `inf`, which Redis sends as a number far
 * below 0: what is none is no data.
 */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** @throws UnexpectedReplyError unless `text` is a time of a server's clock, in Unix ms. */
export function timeOf(text: unknown): number {
  const ms = Number(text);
  if (!(ms >= 0 && ms <= MAX_TIME_MS)) throw new UnexpectedReplyError('the time is not one');
  return ms;
}

/**
 * The reply of a script that samples: a time of Redis' clock, and rows. The rows themselves are not looked at.
 *
 * @throws UnexpectedReplyError when it is nothing of the kind.
 */
export function timedReply(reply: unknown): { readonly redisTimeMs: number; readonly rows: readonly unknown[] } {
  const [time, rows] = Array.isArray(reply) ? (reply as unknown[]) : [];
  if (!Array.isArray(rows)) throw new UnexpectedReplyError('it has no rows');
  return { redisTimeMs: timeOf(time), rows: rows as unknown[] };
}

/**
 * What `parse` makes of a reply, or why it makes nothing of it. Numbers are looked at one by one, since what is not a
 * number ends far away from here: in a metric, a date or a size.
 */
export function parseReply<T extends object>(parse: () => T): T | UnexpectedReplyError {
  try {
    const parsed = parse();
    const wrong = Object.keys(parsed).find((key) => isWrong(parsed[key as keyof T]));
    return wrong === undefined ? parsed : new UnexpectedReplyError(`${wrong} is not a number`);
  } catch (error) {
    return new UnexpectedReplyError('it has another shape', { cause: error });
  }
}

/** Nested objects are made by parsers of their own. */
function isWrong(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'string' || value === null || value === undefined;
}

/** Redis has answered a call on a queue with this error: it is that queue's failure, and nobody else's. */
export function isAnswer(error: unknown): error is Error {
  return error instanceof UnexpectedReplyError || (error instanceof Error && error.name === 'ReplyError');
}
