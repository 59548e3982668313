import { execFileSync } from 'node:child_process';
import type { OtherComponent } from './sbom.ts';

/**
 * The Debian packages that files of this machine come from, for the SBOM of an image made of them. Empty where dpkg
 * does not know the files, or is not there.
 */
export function machinePackages(files: readonly string[]): OtherComponent[] {
  const names = new Set(files.flatMap(owner));
  return [...names].toSorted().flatMap((name) => {
    const version = dpkg(['--show', '--showformat=${Version}', name]);
    if (version === undefined) return [];
    const plain = name.replace(/:.*$/, ''); // without its architecture
    const purl = `pkg:deb/debian/${plain}@${encodeURIComponent(version)}`;
    return [{ type: 'library' as const, name: plain, version, purl }];
  });
}

function owner(file: string): string[] {
  const answer = dpkg(['--search', file]) ?? '';
  const [, name] = /^([^,\s]+): /m.exec(answer) ?? [];
  return name === undefined ? [] : [name];
}

function dpkg(args: string[]): string | undefined {
  try {
    return execFileSync('dpkg-query', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return undefined;
  }
}
