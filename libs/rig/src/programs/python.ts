import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from './binaries.ts';

/** The system's Python, whose packages bring pip; not whatever version a developer's PATH selects. */
export const PYTHON = '/usr/bin/python3';

/**
 * A folder for PYTHONPATH with what a requirements.txt names. Installed once, in the user's cache, in a folder named
 * for the requirements and the version of Python.
 */
export async function pythonPackages(requirements: string): Promise<string> {
  const { stdout: version } = await promisify(execFile)(PYTHON, ['--version']);
  const hash = createHash('sha256').update(readFileSync(requirements)).update(version).digest('hex').slice(0, 12);
  const parent = join(cacheFolder(), 'python');
  const folder = join(parent, hash);
  if (existsSync(folder)) return folder;
  mkdirSync(parent, { recursive: true });
  const unfinished = mkdtempSync(join(parent, `${hash}.`));
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
  try {
    await promisify(execFile)(PYTHON, [...install, '--only-binary=:all:', '--target', unfinished, '-r', requirements]);
    chmodSync(unfinished, 0o755); // a temporary folder is its owner's alone; pods run as another user
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    // another process was faster
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
