import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NpmPackage } from './sbom.ts';

interface LockedPackage {
  version?: string;
  integrity?: string;
  license?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** The part of package-lock.json (version 3) that matters here: by folder. */
export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

export function readLockfile(workspaceRoot: string): Lockfile {
  return JSON.parse(readFileSync(join(workspaceRoot, 'package-lock.json'), 'utf8')) as Lockfile;
}

/** The package that the lock has in a folder. @throws when it has none: what is installed is not what is locked. */
export function lockedPackage({ packages }: Lockfile, folder: string): NpmPackage {
  const locked = packages[folder];
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(folder) ?? [];
  if (locked?.version === undefined || name === undefined) {
    throw new Error(`${folder} is in a bundle but not in package-lock.json; run: npm install`);
  }
  return { name, version: locked.version, license: locked.license, integrity: locked.integrity };
}

/** Folders of all that a project needs at run time, what its dependencies need included; sorted. */
export function runtimeFolders({ packages }: Lockfile, project: string): string[] {
  const found = new Set<string>();
  const visit = (folder: string): void => {
    const { dependencies, optionalDependencies } = packages[folder] ?? {};
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const place = placeOf(packages, folder, name);
      if (place === undefined || found.has(place)) continue;
      found.add(place);
      visit(place);
    }
  };
  visit(project);
  return [...found].toSorted();
}

/** As Node looks for it: in the folder itself, then in each above. */
function placeOf(packages: Lockfile['packages'], from: string, name: string): string | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/'), 0))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[candidate] !== undefined) return candidate;
    if (folder === '') return undefined;
  }
}
