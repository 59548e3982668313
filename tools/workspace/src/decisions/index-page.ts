import { format } from 'prettier';
import type { Decision } from './decision.ts';

const INTRODUCTION = `<!-- Generated from the pages by \`make generate\`; do not edit. -->

# Decisions

Why things are as they are: one page per choice that had alternatives, with what was measured and what was rejected. A
page stays when a later one overturns it, because its evidence does.

To add one, copy [the template](0000-template.md) to the next number of its group (tens share a subject), say in
\`replaces\` what it overturns (\`'0030'\`, or \`'0030: which part'\`), set \`status: Superseded by NNNN\` in a page of which
nothing holds any more, and run \`make generate\`.
`;

/** The index of all decisions as Markdown, formatted as \`make fix\` would; pages in the order of their numbers. */
export async function indexPage(decisions: Decision[]): Promise<string> {
  const link = (number: string): string => {
    const page = decisions.find((each) => each.number === number);
    return page ? `[${number}](${page.file})` : number;
  };
  const rows = decisions
    .toSorted((a, b) => a.number.localeCompare(b.number))
    .map((decision) => [
      decision.number,
      `[${decision.title}](${decision.file})`,
      decision.date,
      statusOf(decision, decisions, link),
      decision.replaces.map(({ number, part }) => (part ? `${link(number)}: ${part}` : link(number))).join('; '),
    ]);
  const table = [['No.', 'Decision', 'Date', 'Status', 'Replaces'], Array<string>(5).fill('---'), ...rows];
  const text = `${INTRODUCTION}\n${table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
  return format(text, { parser: 'markdown', printWidth: 120, proseWrap: 'always' });
}

function statusOf({ number, status }: Decision, all: Decision[], link: (number: string) => string): string {
  if (status.kind === 'superseded') return `Superseded by ${link(status.by)}`;
  const later = all.filter(({ replaces }) => replaces.some((each) => each.number === number));
  return later.length === 0
    ? 'Accepted'
    : `Accepted; in part replaced by ${later.map((each) => link(each.number)).join(', ')}`;
}
