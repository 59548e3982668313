import { execFileSync } from 'node:child_process';
import {
  cpSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { applyChange, type FollowedPage } from './page.ts';

/** What a new kind touches and what it runs on. */
const COPIED = ['libs', 'charts', 'crds', 'docs/reference', 'tools/charts', 'tsconfig.base.json', 'vitest.shared.ts'];

/** A copy of the workspace in which a page was followed. */
export interface Scratch extends Disposable {
  readonly folder: string;
}

/**
 * Copies what is committed or about to be of the workspace into a folder inside it, so that packages from outside are
 * found, and does there what the page says.
 */
export function followPage(workspaceRoot: string, { files, changes }: FollowedPage): Scratch {
  const parent = join(workspaceRoot, '.scratch');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'add-a-kind-'));
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate', ...COPIED];
  const listed = execFileSync('git', list, { cwd: workspaceRoot, encoding: 'utf8' });
  for (const path of listed.split('\0').filter(Boolean)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    const source = join(workspaceRoot, path);
    // A link to a folder is a file of git's, which copying would follow.
    if (lstatSync(source).isSymbolicLink()) symlinkSync(readlinkSync(source), join(folder, path));
    else cpSync(source, join(folder, path));
  }
  for (const { path, text } of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  for (const change of changes) {
    const file = join(folder, change.path);
    writeFileSync(file, applyChange(readFileSync(file, 'utf8'), change));
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
