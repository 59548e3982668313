import { execFileSync } from 'node:child_process';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';

/** What this project did not write: lock files, the license. */
const FOREIGN = /(^|\/)(package-lock\.json|go\.sum|LICENSE)$/;
const TEXT = /(\.(ts|md|json|ya?ml|lua|py|sh|tpl|go|txt|toml|mod|Dockerfile)|(^|\/)(Makefile|Dockerfile|cluster|run))$/;

/** Every text file of this project that Git tracks or would track, relative to the workspace; links are left out. */
export function textFiles(workspaceRoot: string): string[] {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: workspaceRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return [...new Set(listed.split('\0'))]
    .filter((file) => TEXT.test(file) && !FOREIGN.test(file))
    .filter((file) => lstatSync(join(workspaceRoot, file), { throwIfNoEntry: false })?.isFile())
    .toSorted();
}

/** The number of the line in which the character at `offset` is, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
