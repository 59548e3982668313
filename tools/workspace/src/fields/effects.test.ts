import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NOT_ENFORCED_NOTE, QUEUE_FIELDS_NOT_ENFORCED, queueSpecSchema, workerPoolSpecSchema } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { EFFECTS, type Effect, type Effects } from './effects.ts';
import { testTitles } from './titles.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../../..');

/** The spec of each kind. */
const SPECS = { Queue: queueSpecSchema, WorkerPool: workerPoolSpecSchema };

interface Field {
  /** Below `spec`, without the indices of lists. */
  readonly path: string;
  readonly description: string;
}

interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** Every field of a schema, those that have fields of their own included. */
function fieldsOf(schema: JsonSchema): Field[] {
  const walk = (node: JsonSchema, path: string): Field[] => {
    const below = Object.entries(node.properties ?? node.items?.properties ?? {});
    const own = path === '' ? [] : [{ path, description: node.description ?? '' }];
    return [...own, ...below.flatMap(([name, field]) => walk(field, path === '' ? name : `${path}.${name}`))];
  };
  return walk(schema, '');
}

/** The fields that have none of their own. */
function leavesOf(schema: JsonSchema): string[] {
  const paths = fieldsOf(schema).map(({ path }) => path);
  return paths.filter((path) => !paths.some((other) => other.startsWith(`${path}.`)));
}

function isBelow(path: string, ancestors: Iterable<string>): boolean {
  return [...ancestors].some((ancestor) => path === ancestor || path.startsWith(`${ancestor}.`));
}

/** What is wrong with the table of a kind: fields without a test, and entries that are of no field or say two things. */
function faultsOf(schema: JsonSchema, effects: Effects, notEnforced: readonly string[]): string[] {
  const leaves = leavesOf(schema);
  return [
    ...leaves
      .filter((path) => !(path in effects) && !isBelow(path, notEnforced))
      .map((path) => `${path}: no test shows what it does`),
    ...Object.keys(effects)
      .filter((path) => !leaves.includes(path))
      .map((path) => `${path}: there is no such field`),
    ...Object.keys(effects)
      .filter((path) => isBelow(path, notEnforced))
      .map((path) => `${path}: it is said to do nothing`),
  ];
}

/** Files are read once: many fields have a test in the same one. */
const sources = new Map<string, { readonly text: string; readonly titles: readonly string[] }>();
function sourceOf(file: string): { readonly text: string; readonly titles: readonly string[] } {
  let source = sources.get(file);
  if (!source) {
    const text = readFileSync(join(workspaceRoot, file), 'utf8');
    sources.set(file, (source = { text, titles: testTitles(file, text) }));
  }
  return source;
}

/** The name that a test gives the field: of a reference, that of what holds its `name`. */
function nameOf(path: string): string {
  return path.split('.').findLast((name, index) => name !== 'name' || index === 0)!;
}

// Wall 8: a field that is accepted is enforced or refused, or a condition says that it is neither.
describe.each(Object.entries(SPECS))('the fields of a %s', (kind, spec) => {
  const schema = spec.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const effects = EFFECTS[kind] ?? {};
  const notEnforced: readonly string[] = kind === 'Queue' ? QUEUE_FIELDS_NOT_ENFORCED : [];

  it('have a test each that shows what it does, or are named by FieldsNotEnforced', () => {
    expect(faultsOf(schema, effects, notEnforced)).toEqual([]);
  });

  it.each(Object.entries(effects))(
    '%s: its test exists, is not skipped and is about the field',
    (path, effect: Effect) => {
      expect(effect.file).toMatch(/\.test\.ts$/);
      const { text, titles } = sourceOf(effect.file);
      expect(titles).toContain(effect.test);
      expect(text).toMatch(effect.row ?? new RegExp(String.raw`\b${nameOf(path)}\b`));
    },
  );

  it('say so themselves when nothing follows from them', () => {
    const said = fieldsOf(schema).filter(({ description }) => description.includes(NOT_ENFORCED_NOTE));
    expect(said.map(({ path }) => path).toSorted()).toEqual([...notEnforced].toSorted());
  });
});

it('every kind of the CRDs has its table', () => {
  const crds = globSync('crds/*.yaml', { cwd: workspaceRoot }).map((file) =>
    readFileSync(join(workspaceRoot, file), 'utf8'),
  );
  const kinds = crds.map((crd) => /^ {4}kind: (\w+)$/m.exec(crd)?.[1] ?? '').toSorted();
  expect([Object.keys(EFFECTS).toSorted(), Object.keys(SPECS).toSorted()]).toEqual([kinds, kinds]);
});

it('a field without a test is found, below others too, and an entry without a field', () => {
  const list = { items: { properties: { d: {} } } };
  const schema = { properties: { a: { properties: { b: {}, c: list } }, e: {}, f: {} } };
  const effect = { file: 'x', test: 'y' };
  expect(faultsOf(schema, { 'a.b': effect, f: effect, g: effect }, ['e', 'f'])).toEqual([
    'a.c.d: no test shows what it does',
    'g: there is no such field',
    'f: it is said to do nothing',
  ]);
});

it('titles are those of tests that run', () => {
  const source = `
    it('a', () => {});
    test.concurrent('b', () => {});
    it.each<[string]>([['x']])('c %s', () => {});
    it.concurrent.each\`x\`('d', () => {});
    it.skip('e', () => {});
    it.skipIf(true)('f', () => {});
    describe('g', () => {});
    other.it('h');
  `;
  expect(testTitles('x.test.ts', source)).toEqual(['a', 'b', 'c %s', 'd']);
});
