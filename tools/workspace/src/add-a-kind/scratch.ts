import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FollowedPage } from './page.ts';

/** What a new kind touches and what it runs on. */
const COPIED = ['libs', 'charts', 'crds', 'docs/reference', 'tools/charts', 'tsconfig.base.json'];

/** A copy of the workspace in which a page was followed. */
export interface Scratch extends Disposable {
  readonly folder: string;
}

/**
 * Copies what is committed or about to be of the workspace into a folder inside it, so that packages from outside are found, and does there
 * what the page says.
 */
export function followPage(workspaceRoot: string, { files, patches }: FollowedPage): Scratch {
  const parent = join(workspaceRoot, '.scratch');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'add-a-kind-'));
  const git = (args: string[], cwd: string): string => execFileSync('git', args, { cwd, encoding: 'utf8' });
  const listed = git(
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate', ...COPIED],
    workspaceRoot,
  );
  for (const path of listed.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(workspaceRoot, path), join(folder, path), { verbatimSymlinks: true });
  }
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const patch of patches) {
    writeFileSync(join(folder, 'page.patch'), patch);
    // Without a repository of its own, paths are those of the folder; counts of lines are the reader's to ignore.
    git(
      [
        'apply',
        '--unidiff-zero',
        '--recount',
        '--directory',
        folder.slice(workspaceRoot.length + 1),
        join(folder, 'page.patch'),
      ],
      workspaceRoot,
    );
  }
  linkPackages(folder);
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** As npm links the packages of a workspace. */
function linkPackages(folder: string): void {
  const scope = join(folder, 'node_modules/@redis-queue');
  mkdirSync(scope, { recursive: true });
  for (const parent of ['libs', 'apps']) {
    for (const name of readdirSync(join(folder, parent))) symlinkSync(join('../..', parent, name), join(scope, name));
  }
}
