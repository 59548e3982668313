/** A package of npm as a release contains it. */
export interface NpmPackage {
  name: string;
  version: string;
  /** An SPDX expression; undefined where its manifest has none. */
  license: string | undefined;
  /** As in package-lock.json, such as `sha512-…`; undefined for a package that came another way. */
  integrity: string | undefined;
}

/** Something in an image that no npm package brought. */
export interface OtherComponent {
  type: 'platform' | 'library' | 'container';
  name: string;
  version: string;
  purl?: string;
}

export interface Bom {
  /** What the document is about. */
  subject: { type: 'container' | 'library'; name: string; version: string; purl?: string };
  packages: readonly NpmPackage[];
  others?: readonly OtherComponent[];
  epochSeconds: number;
}

/**
 * Folders of the packages that files belong to, sorted: `node_modules/a/index.js` lies in `node_modules/a`. Files
 * outside node_modules are the project's own.
 */
export function packageFolders(files: readonly string[]): string[] {
  const folders = files.flatMap((file) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1] ?? []);
  return [...new Set(folders)].toSorted();
}

/**
 * A CycloneDX document, the same for the same contents: without a serial number, which is optional and random, and with
 * the commit's time. `npm sbom` is no substitute: it lists what manifests ask for, not what a bundle contains.
 */
export function cycloneDx({ subject, packages, others = [], epochSeconds }: Bom): object {
  const components = [...others.map(otherComponent), ...packages.map(npmComponent)];
  const purl = subject.purl === undefined ? {} : { purl: subject.purl };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      timestamp: new Date(epochSeconds * 1000).toISOString(),
      component: {
        type: subject.type,
        'bom-ref': `${subject.name}@${subject.version}`,
        name: subject.name,
        version: subject.version,
        licenses: [{ license: { id: 'Apache-2.0' } }],
        ...purl,
      },
    },
    components: components.toSorted((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1)),
  };
}

interface Component {
  'bom-ref': string;
  [field: string]: unknown;
}

function npmComponent({ name, version, license, integrity }: NpmPackage): Component {
  const purl = npmPurl(name, version);
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === undefined ? {} : { licenses: [licenseOf(license)] }),
    ...(integrity === undefined ? {} : { hashes: [hashOf(integrity)] }),
  };
}

/** A name with a scope is written `%40scope/name` in a package URL. */
export function npmPurl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, '%40')}@${version}`;
}

function otherComponent({ type, name, version, purl }: OtherComponent): Component {
  return { type, 'bom-ref': purl ?? `${name}@${version}`, name, version, ...(purl === undefined ? {} : { purl }) };
}

function licenseOf(license: string): object {
  return /^[\w.+-]+$/.test(license) ? { license: { id: license } } : { expression: license };
}

/** From base64 to the hexadecimal of CycloneDX. */
function hashOf(integrity: string): object {
  const [algorithm = '', digest = ''] = integrity.split('-', 2);
  return {
    alg: algorithm.toUpperCase().replace('SHA', 'SHA-'),
    content: Buffer.from(digest, 'base64').toString('hex'),
  };
}
