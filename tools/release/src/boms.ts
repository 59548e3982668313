import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BaseImage } from '@redis-queue/cluster';
import type { ReleasedApp } from './images.ts';
import { lockedPackage, runtimeFolders, type Lockfile } from './lockfile.ts';
import { machinePackages } from './machine-packages.ts';
import { cycloneDx, npmPurl, packageFolders, type OtherComponent } from './sbom.ts';
import type { Source } from './source.ts';

const WORKER = '@redis-queue/worker';

/** Writes an SBOM for each image, of what its bundle really contains, and one for the worker library. */
export function writeBoms(
  { version, epochSeconds }: Source,
  lock: Lockfile,
  { apps, base }: { apps: readonly ReleasedApp[]; base: BaseImage },
  folder: string,
): void {
  mkdirSync(folder, { recursive: true });
  const write = (name: string, document: object): void =>
    writeFileSync(join(folder, `${name}-${version}.cdx.json`), `${JSON.stringify(document, undefined, 2)}\n`);
  const others = baseComponents(base);
  for (const { name, sources } of apps) {
    const packages = packageFolders(sources).map((each) => lockedPackage(lock, each));
    const subject = { type: 'container' as const, name: `redis-queue/${name}`, version };
    write(name, cycloneDx({ subject, packages, others, epochSeconds }));
  }
  const packages = runtimeFolders(lock, 'libs/worker').map((each) => lockedPackage(lock, each));
  const subject = { type: 'library' as const, name: WORKER, version, purl: npmPurl(WORKER, version) };
  write('worker', cycloneDx({ subject, packages, epochSeconds }));
}

/** For a base that was pulled, its digest says everything; for one made here, Node and the system's libraries. */
function baseComponents({ pulled, machineFiles }: BaseImage): OtherComponent[] {
  if (pulled !== undefined) {
    const [name = '', digest = ''] = pulled.split('@');
    return [{ type: 'container', name, version: digest }];
  }
  const node = process.versions.node;
  return [
    { type: 'platform', name: 'node', version: node, purl: `pkg:generic/node@${node}` },
    ...machinePackages(machineFiles),
  ];
}
