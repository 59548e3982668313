import { clipText } from '../objects/clip-text.ts';

/** A name under which a secret is logged, whatever its type. */
export const SECRET_NAME = /password|passwd|token|authorization|redis-url|redisurl/i;

/** Longer names of fields are none; without a bound, a long word would be searched from each of its letters. */
const SECRET_FIELD =
  /("(?=[^"\\]{0,128}?(?:password|passwd|token|authorization|redis-url|redisurl))[^"\\]{1,256}":)(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|-?[\d.]+)/gi;
const URL_CREDENTIALS = /:\/\/[^\s"'/@\\]*(?:@[^\s"'/@\\]*)*@/g;
/** Between name and credentials stand quotes on both sides or at most on one, so that what is JSON stays JSON. */
const AUTHORIZATION =
  /\b(authorization(?:["'\\]{1,2}\s{0,8}[:=]\s{0,8}["'\\]{1,2}|\s{0,8}[:=]\s{0,8}["'\\]{0,2})(?:(?:basic|bearer|digest|negotiate)\s{1,8})?)[^\s"'\\,{}[\]]+/gi;
const BEARER = /\b(bearer\s{1,16})[\w.~+/=-]+/gi;
const BASIC = /\b(basic\s{1,16})([\w+/-]{4,}={0,2})/gi;
/** After these, what stands before the last `@` is user and password, whatever characters they have. */
const REDIS_SCHEME = /(?:redis|valkey)s?:\/\//i;

/**
 * `text` without credentials in URLs, in `Authorization` and in JSON fields that are named like secrets. What was JSON
 * stays JSON. Linear in the length of `text`: whoever writes a long key must not stop the process.
 */
export function maskSecrets(text: string): string {
  return maskPatterns(text.replace(/[^\s"]+/g, maskRedisUrl));
}

/**
 * The same for a text that is no JSON, so that a password may hold quotes as well, and in at most `length` UTF-16 units.
 * Credentials are masked before the text is cut; where they reach beyond what is looked at (twice `length`), all that
 * may belong to them is left out. Costs no more for longer texts.
 */
export function maskAndClip(text: string, length: number): string {
  const window = text.slice(0, 2 * length);
  const whole = window.length === text.length;
  const masked = window.replace(/\S+/g, (word, at: number) => {
    const isCut = !whole && at + word.length === window.length;
    return isCut ? maskCutUrl(word) : maskRedisUrl(word);
  });
  return clipText(maskPatterns(masked) + (whole ? '' : '…'), length);
}

function maskPatterns(text: string): string {
  return text
    .replace(SECRET_FIELD, '$1"***"')
    .replace(URL_CREDENTIALS, '://***@')
    .replace(AUTHORIZATION, '$1***')
    .replace(BEARER, '$1***')
    .replace(BASIC, (match, scheme: string, credentials: string) =>
      // A word of prose has neither.
      /[A-Z0-9=]/.test(credentials) ? `${scheme}***` : match,
    );
}

function maskRedisUrl(word: string): string {
  const scheme = REDIS_SCHEME.exec(word);
  const end = word.lastIndexOf('@');
  if (scheme === null || end < scheme.index) return word;
  return `${word.slice(0, scheme.index)}${scheme[0]}***${word.slice(end)}`;
}

/** What follows in the cut off part may have made it credentials. */
function maskCutUrl(word: string): string {
  const at = word.indexOf('://');
  return at === -1 ? word : `${word.slice(0, at)}://***`;
}
