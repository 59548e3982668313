import { parseSync, Visitor } from 'oxc-parser';
import { lineAt } from './files.ts';

/** Words that mean something only to whoever chose them, and the field's word for it. */
const PRIVATE_WORDS = new Map([
  ['eye', 'sampler'],
  ['eyes', 'samplers'],
  ['looker', 'sampler or reader'],
  ['lookers', 'samplers or readers'],
  ['looking', 'sampling'],
  ['bell', 'a wake-up or a notification'],
  ['bells', 'wake-ups or notifications'],
  ['told', 'published, reported or notified'],
  ['wish', 'demand, desired or target'],
  ['wishes', 'demands'],
  ['wished', 'desired'],
  ['kept', 'cached or retained'],
]);

/** One name in which a private word is. */
export interface PrivateName {
  name: string;
  word: string;
  /** The first place in this file. */
  file: string;
  line: number;
}

/** The words of a name in camelCase, PascalCase, kebab-case, snake_case or CONSTANT_CASE, in lower case. */
export function wordsOf(name: string): string[] {
  return (name.match(/[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g) ?? []).map((word) => word.toLowerCase());
}

/** Names of a source that hold a private word: what it declares, imports, exports, and keys of objects; once each. */
export function privateNamesIn(file: string, text: string): PrivateName[] {
  const found = new Map<string, PrivateName>();
  const note = (name: string, start: number): void => {
    const word = wordsOf(name).find((each) => PRIVATE_WORDS.has(each));
    if (word !== undefined && !found.has(name)) found.set(name, { name, word, file, line: lineAt(text, start) });
  };
  const key = (node: { key: { type: string; value?: unknown; start: number } }): void => {
    if (node.key.type === 'Literal' && typeof node.key.value === 'string') note(node.key.value, node.key.start);
  };
  new Visitor({
    Identifier: (node) => note(node.name, node.start),
    PrivateIdentifier: (node) => note(node.name, node.start),
    Property: key,
    PropertyDefinition: key,
    TSPropertySignature: key,
  }).visit(parseSync(file, text).program);
  return [...found.values()];
}

/** A private word in the name of a file or of a folder on the way to it. */
export function privatePath(file: string): PrivateName[] {
  return file.split('/').flatMap((name) => {
    const word = wordsOf(name).find((each) => PRIVATE_WORDS.has(each));
    return word === undefined ? [] : [{ name, word, file, line: 1 }];
  });
}

/** The offenders as sentences, one for each name. */
export function privateNameProblems(names: PrivateName[]): string[] {
  const byName = Map.groupBy(names, ({ name }) => name);
  return [...byName].map(([name, places]) => {
    const { file, line, word } = places[0]!;
    const more = places.length > 1 ? ` and in ${places.length - 1} more` : '';
    return `${file}:${line}${more}: "${name}" says "${word}", a word of our own; the field says ${PRIVATE_WORDS.get(word)}`;
  });
}
