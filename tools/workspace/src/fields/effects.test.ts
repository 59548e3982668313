import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  queueBackupScheduleSpecSchema,
  queueBackupSpecSchema,
  queueRedriveSpecSchema,
  queueRestoreSpecSchema,
  queueSpecSchema,
  workerPoolSpecSchema,
} from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { EFFECTS, type Effect, type Effects } from './effects.ts';
import { testTitles } from './titles.ts';

const workspaceRoot = resolve(import.meta.dirname, '../../../..');

/** The spec of each kind. */
const SPECS = {
  Queue: queueSpecSchema,
  QueueBackup: queueBackupSpecSchema,
  QueueBackupSchedule: queueBackupScheduleSpecSchema,
  QueueRedrive: queueRedriveSpecSchema,
  QueueRestore: queueRestoreSpecSchema,
  WorkerPool: workerPoolSpecSchema,
};

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
}

/** The fields of a schema that have none of their own, by their path below `spec`, without the indices of lists. */
function leavesOf(schema: JsonSchema, path = ''): string[] {
  const below = Object.entries(schema.properties ?? schema.items?.properties ?? {});
  if (below.length === 0) return [path];
  return below.flatMap(([name, field]) => leavesOf(field, path === '' ? name : `${path}.${name}`));
}

/** What is wrong with the table of a kind: fields without a test, and entries that are of no field. */
function faultsOf(schema: JsonSchema, effects: Effects): string[] {
  const leaves = leavesOf(schema);
  return [
    ...leaves.filter((path) => !(path in effects)).map((path) => `${path}: no test shows what it does`),
    ...Object.keys(effects)
      .filter((path) => !leaves.includes(path))
      .map((path) => `${path}: there is no such field`),
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

// Wall 8: a field that is accepted is enforced or refused.
describe.each(Object.entries(SPECS))('the fields of a %s', (kind, spec) => {
  const schema = spec.toJSONSchema({ io: 'input', unrepresentable: 'any' }) as JsonSchema;
  const effects = EFFECTS[kind] ?? {};

  it('have a test each that shows what it does', () => {
    expect(faultsOf(schema, effects)).toEqual([]);
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
  const schema = { properties: { a: { properties: { b: {}, c: list } }, f: {} } };
  const effect = { file: 'x', test: 'y' };
  expect(faultsOf(schema, { 'a.b': effect, f: effect, g: effect })).toEqual([
    'a.c.d: no test shows what it does',
    'g: there is no such field',
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
