/** A block of code on a page of Markdown: what a reader applies (`yaml`) or runs (`sh`). */
export interface DocBlock {
  readonly language: 'yaml' | 'sh';
  readonly text: string;
}

/** The blocks of a section, in order, without the indent of the list that they stand in. @throws when it has none. */
export function blocksOf(page: string, heading: string): DocBlock[] {
  const start = page.indexOf(`\n## ${heading}\n`);
  const end = page.indexOf('\n## ', start + 1);
  const section = start < 0 ? '' : page.slice(start, end < 0 ? undefined : end);
  const blocks = [...section.matchAll(/^( *)```(yaml|sh)\n([\s\S]*?)\n\1```$/gm)].map(([, indent, language, text]) => ({
    language: language as DocBlock['language'],
    text: text!.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));
  if (blocks.length === 0) throw new Error(`the section "${heading}" has no blocks`);
  return blocks;
}
