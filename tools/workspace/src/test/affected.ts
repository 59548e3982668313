import { posix } from 'node:path';

/** What a package.json says of a project, as far as it matters for what a change affects. */
export interface Manifest {
  name: string;
  scripts?: Record<string, string>;
  nx?: { targets?: Record<string, { inputs?: string[] }> };
}

export interface ProjectFolder {
  /** Such as `libs/api`. */
  root: string;
  manifest: Manifest;
}

/**
 * Whether a change of this file can break the tests of its own project, and of those that read it, but nothing that
 * depends on that project: tests and pages. Nx does not know the difference, and would run everything from libs/api up,
 * end to end included, for a word in a test of it.
 */
export function isLeaf(file: string): boolean {
  return file.endsWith('.test.ts') || file.endsWith('.md');
}

/** The projects in which `file` lies, or whose targets name it among their inputs in package.json. */
export function projectsThatRead(file: string, projects: ProjectFolder[]): string[] {
  return projects
    .filter(
      ({ root, manifest }) =>
        file.startsWith(`${root}/`) || inputsOf(manifest).some((glob) => posix.matchesGlob(file, glob)),
    )
    .map(({ manifest }) => manifest.name);
}

const IN_WORKSPACE = '{workspaceRoot}/';

function inputsOf({ nx }: Manifest): string[] {
  return Object.values(nx?.targets ?? {})
    .flatMap(({ inputs }) => inputs ?? [])
    .filter((input) => input.startsWith(IN_WORKSPACE))
    .map((input) => input.slice(IN_WORKSPACE.length));
}
