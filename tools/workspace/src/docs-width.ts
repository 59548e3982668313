/** The most characters of a line of prose, as Prettier's `printWidth`: so `make fix` wraps what is longer. */
const WIDTH = 120;

/**
 * Lines of a Markdown page that are longer than 120 characters, as sentences a developer can act on. What cannot be
 * wrapped is left out: fenced code, rows of tables, and lines that hold a single word, such as an address.
 */
export function longLines(file: string, text: string): string[] {
  let fence: string | undefined;
  return text.split('\n').flatMap((line, index) => {
    const marker = /^\s*(?:>\s*)?(```+|~~~+)/.exec(line)?.[1];
    if (marker && (fence === undefined || marker.startsWith(fence))) {
      fence = fence === undefined ? marker : undefined;
      return [];
    }
    const words = line.replace(/^[\s>]*([-*+]|\d+\.)?\s*/, '').split(' ');
    if (fence !== undefined || line.length <= WIDTH || /^\s*\|/.test(line) || words.length === 1) return [];
    return [`${file}:${index + 1}: ${line.length} characters, more than ${WIDTH}: run \`make fix\``];
  });
}
