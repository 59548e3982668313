import type { Plan } from './steps.ts';

export interface TestFile {
  /** Path relative to the workspace, such as `libs/api/src/cel.test.ts`. */
  path: string;
  text: string;
}

/** Suffix of a test file → the mode of Vitest and the name of the step. The plain suffix is the end of the others. */
const KINDS = [
  { suffix: '.integration.test.ts', mode: 'integration', step: 'integration' },
  { suffix: '.e2e.test.ts', mode: 'e2e', step: 'e2e' },
  { suffix: '.test.ts', mode: 'test', step: 'unit' },
] as const;

/**
 * The files that can have a test with `name` in its full name ("describe test"). Those in which the text stands as it
 * is; if there are none, because it spans both or holds values of `it.each`, those whose titles have all of its words.
 */
export function filesWithTest(files: TestFile[], name: string): TestFile[] {
  const literal = files.filter(({ text }) => text.includes(name));
  if (literal.length > 0) return literal;
  const words = wordsOf(name);
  if (words.length === 0) return [];
  return files.filter(({ text }) => {
    const titles = new Set([...text.matchAll(FIRST_ARGUMENT)].flatMap(([, , title]) => wordsOf(title!)));
    return words.every((word) => titles.has(word));
  });
}

/** A text that is the first argument of a call, as the titles of tests are. */
const FIRST_ARGUMENT = /\(\s*(['"`])((?:\\.|(?!\1)[^\\])+)\1/g;

function wordsOf(text: string): string[] {
  return text.match(/\p{L}{3,}/gu) ?? [];
}

/** Whether a project, by its root such as `libs/api`, is the one that somebody means by `api`, `libs/api` or its package. */
export function isProject(root: string, meant: string): boolean {
  return root === meant || root.split('/').at(-1) === meant.replace('@redis-queue/', '');
}

/**
 * One step for each project and kind of test that has one of `files`, unit tests first.
 *
 * @param roots of the projects, relative to the workspace.
 * @param name text, not a pattern.
 */
export function namedSteps(files: TestFile[], roots: string[], name: string): Plan[] {
  const pattern = name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
  return (['unit', 'integration', 'e2e'] as const).flatMap((step) =>
    roots.flatMap((root) => {
      const own = files.filter(({ path }) => path.startsWith(`${root}/`) && kindOf(path).step === step);
      if (own.length === 0) return [];
      const paths = own.map(({ path }) => path.slice(root.length + 1));
      return {
        name: `${step} ${root}`,
        command: [
          'npx',
          'vitest',
          'run',
          '--mode',
          kindOf(own[0]!.path).mode,
          '-t',
          pattern,
          ...paths,
        ] as Plan['command'],
        remedy: `cd ${root} && npx vitest --mode ${kindOf(own[0]!.path).mode} -t '${pattern}' ${paths[0]}`,
        cwd: root,
      };
    }),
  );
}

/** The kind of test of a file, by its name. */
export function kindOf(path: string): (typeof KINDS)[number] {
  return KINDS.find(({ suffix }) => path.endsWith(suffix)) ?? KINDS[2];
}
