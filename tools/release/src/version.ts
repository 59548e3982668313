import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A version that a file of the workspace names. */
export interface NamedVersion {
  where: string;
  version: string;
}

/** Every version that goes out with a release: of packages, of charts, of the images that charts ask for. */
export function namedVersions(workspaceRoot: string): NamedVersion[] {
  const read = (file: string): string => readFileSync(join(workspaceRoot, file), 'utf8');
  const manifests = globSync(['package.json', '{apps,libs}/*/package.json'], { cwd: workspaceRoot }).toSorted();
  const charts = globSync('charts/*/Chart.yaml', { cwd: workspaceRoot }).toSorted();
  return [
    ...manifests.map((where) => ({ where, version: (JSON.parse(read(where)) as { version: string }).version })),
    ...charts.flatMap((where) => chartVersions(where, read(where))),
  ];
}

/** `version`, `appVersion` and the versions of dependencies in a Chart.yaml. */
export function chartVersions(where: string, text: string): NamedVersion[] {
  return [...text.matchAll(/^\s*(version|appVersion): *['"]?([^'"\s]+)/gm)].map(([, field, version]) => ({
    where: `${where} (${field})`,
    version: version!,
  }));
}

/** What a release of `version` contradicts; empty when it may be made. `tag` is the one that the workflow runs for. */
export function disagreements(version: string, named: readonly NamedVersion[], tag: string | undefined): string[] {
  const others = named.filter((each) => each.version !== version);
  return [
    ...others.map((each) => `${each.where} says ${each.version}, package.json says ${version}`),
    ...(tag === undefined || tag === `v${version}` ? [] : [`the tag is ${tag}, package.json says ${version}`]),
  ];
}
