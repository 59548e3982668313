/** The width at which the project's prose is wrapped, as Prettier's `printWidth`. */
const WIDTH = 120;

/**
 * `text` as a paragraph, wrapped as Prettier wraps it: between words, never inside of inline code, whatever its length.
 *
 * @param bullet how the first line begins, such as `- `; the others are indented by as much.
 */
export function paragraph(text: string, bullet = ''): string {
  const indent = ' '.repeat(bullet.length);
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/(?:`[^`]*`|\S)+/g) ?? []) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line === '' || indent.length + longer.length <= WIDTH) {
      line = longer;
    } else {
      lines.push(line);
      line = word;
    }
  }
  return bullet + [...lines, line].join(`\n${indent}`);
}

/** A list, each entry a wrapped paragraph. */
export function list(entries: string[]): string {
  return entries.map((entry) => paragraph(entry, '- ')).join('\n');
}

/** A table whose columns are as wide as their widest cell, as Prettier pads them. */
export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) =>
    Math.max(3, ...[[title], ...rows.map((row) => [row[column]!])].flat().map((cell) => cell.length)),
  );
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), line(widths.map((each) => '-'.repeat(each))), ...rows.map(line)].join('\n');
}

/** Code inside a table cell, where a bare | would end the cell. */
export function code(text: string): string {
  return `\`${text.replaceAll('|', String.raw`\|`)}\``;
}

export function fence(text: string): string {
  return `\`\`\`yaml\n${text.trimEnd()}\n\`\`\``;
}
