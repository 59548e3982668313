import { parseSync, Visitor } from 'oxc-parser';

/** The shape of what is looked at in a syntax tree. */
interface Node {
  readonly type: string;
  readonly name?: string;
  readonly value?: unknown;
  readonly callee?: Node;
  readonly object?: Node;
  readonly property?: Node;
}

/** The titles of the tests of a source, as they are written there; of those that are skipped none. */
export function testTitles(file: string, text: string): string[] {
  const titles: string[] = [];
  new Visitor({
    CallExpression: ({ callee, arguments: [first] }) => {
      const names = namesIn(callee as Node);
      if (!['it', 'test'].includes(names[0] ?? '') || names.some((name) => SKIPS.has(name))) return;
      const title = first as Node | undefined;
      if (title?.type === 'Literal' && typeof title.value === 'string') titles.push(title.value);
    },
  }).visit(parseSync(file, text).program);
  return titles;
}

const SKIPS: ReadonlySet<string> = new Set(['skip', 'skipIf', 'runIf', 'todo', 'fails']);

/** `it.concurrent.each(rows)` → it, concurrent, each. */
function namesIn(node: Node | undefined): string[] {
  if (node?.type === 'CallExpression') return namesIn(node.callee);
  if (node?.type === 'TaggedTemplateExpression') return namesIn((node as Node & { readonly tag?: Node }).tag);
  if (node?.type === 'MemberExpression') return [...namesIn(node.object), node.property?.name ?? ''];
  return node?.name === undefined ? [] : [node.name];
}
