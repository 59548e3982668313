import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What is released: a commit, and what its manifest says. */
export interface Source {
  workspaceRoot: string;
  version: string;
  commit: string;
  /** Whether files differ from the commit. */
  dirty: boolean;
  /** `SOURCE_DATE_EPOCH`, else the commit's time; s since 1970. Every time stamp in the release. */
  epochSeconds: number;
}

/** @throws outside a Git checkout. */
export function readSource(workspaceRoot: string): Source {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: workspaceRoot, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  const manifest = JSON.parse(readFileSync(join(workspaceRoot, 'package.json'), 'utf8')) as { version: string };
  return {
    workspaceRoot,
    version: manifest.version,
    commit: git('rev-parse', 'HEAD'),
    dirty: git('status', '--porcelain') !== '',
    epochSeconds: Number(process.env.SOURCE_DATE_EPOCH || git('log', '-1', '--format=%ct')),
  };
}
