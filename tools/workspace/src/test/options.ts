import { parseArgs } from 'node:util';

export const HELP = `make test: every check of the workspace, in the order of their cost.

  make test                                 everything
  make test ARGS=--changed                  what a change can have broken
  make test ARGS="--name 'part of a name'"  the tests with that in their name

  --only NAME     only the steps whose name starts with NAME (format, typecheck, lint, build, unit,
                  integration, e2e); may be repeated
  --changed       only projects that depend on what changed since this branch left main, uncommitted
                  files included; the format of changed files; end to end only if something that it
                  depends on changed. The unit tests of tools/workspace always run: they check the
                  workspace as a whole.
  --base REF      with --changed: since this branch left REF, such as origin/main
  --name TEXT     only the tests with TEXT in their full name ("describe test"), of every kind, in
                  every project that has some; nothing else is checked
  --project P     with --name: only in this project, such as api or libs/api. It also finds names
                  that are put together when the test runs, of which no file has the words.
  --help          this text
`;

export type Options =
  | { mode: 'help' }
  | { mode: 'all'; only?: string[] }
  | { mode: 'changed'; only?: string[]; base?: string }
  | { mode: 'named'; only?: string[]; name: string; project?: string };

/**
 * Reads the arguments of `make test`.
 *
 * @throws TypeError or Error that says which argument is wrong, for the person who typed it.
 */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', multiple: true },
      changed: { type: 'boolean' },
      base: { type: 'string' },
      name: { type: 'string' },
      project: { type: 'string' },
      help: { type: 'boolean' },
    },
  });
  const { only, base, name, project } = values;
  if (values.help) return { mode: 'help' };
  if (base !== undefined && !values.changed) throw new Error('--base goes with --changed');
  if (project !== undefined && name === undefined) throw new Error('--project goes with --name');
  const steps = only && { only };
  if (name !== undefined) {
    if (values.changed) throw new Error('--name and --changed do not go together');
    if (name.trim() === '') throw new Error('--name needs a part of a name');
    return { mode: 'named', ...steps, name, ...(project !== undefined && { project }) };
  }
  return values.changed
    ? { mode: 'changed', ...steps, ...(base !== undefined && { base }) }
    : { mode: 'all', ...steps };
}
