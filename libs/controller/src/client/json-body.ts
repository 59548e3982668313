/** What YAML 1.2 has in no text unescaped, or takes for an end of line: all that JSON does not escape anyway. */
// oxlint-disable-next-line no-control-regex -- to find them
const NOT_IN_YAML = /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g;

/**
 * The body of a request, as JSON that is YAML too: as such the API server reads a server-side apply, and refuses one
 * with a control character. Some are texts of tenants, as the id of a job.
 */
export function jsonBody(body: unknown): string {
  return JSON.stringify(body).replace(
    NOT_IN_YAML,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, '0')}`,
  );
}
