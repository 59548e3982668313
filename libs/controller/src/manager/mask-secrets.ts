/** Longer names of fields and schemes of URLs are none; without a bound, a long word would be searched from each of its letters. */
const SECRET_FIELD =
  /("[^"\\]{0,128}(?:password|passwd|token|authorization|redis-url|redisurl)[^"\\]{0,128}":)"(?:[^"\\]|\\.)*"/gi;
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s"'/@\\]*(?:@[^\s"'/@\\]*)*@/gi;
const BEARER = /\b(bearer\s{1,16})[\w.~+/=-]+/gi;

/**
 * `text` without credentials in URLs, bearer tokens and JSON fields that are named like secrets. Linear in the length of `text`: whoever
 * writes a long key must not stop the process.
 */
export function maskSecrets(text: string): string {
  return text.replace(SECRET_FIELD, '$1"***"').replace(URL_CREDENTIALS, '$1***@').replace(BEARER, '$1***');
}
