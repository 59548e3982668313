import { describe, expect, it } from 'vitest';
import { cycloneDx, npmPurl, packageFolders } from './sbom.ts';

it('finds the packages that files belong to, nested ones too, and not the own sources', () => {
  const files = [
    'apps/autoscaler/src/main.ts',
    'node_modules/pino/lib/a.js',
    'node_modules/pino/lib/b.js',
    'node_modules/@scope/name/x.js',
    'libs/controller/node_modules/undici/index.js',
    'node_modules/a/node_modules/b/c.js',
  ];
  expect(packageFolders(files)).toEqual([
    'libs/controller/node_modules/undici',
    'node_modules/@scope/name',
    'node_modules/a/node_modules/b',
    'node_modules/pino',
  ]);
});

describe('the document', () => {
  const pino = { name: 'pino', version: '10.4.0', license: 'MIT', integrity: 'sha512-AAH/' };
  const odd = { name: '@a/odd', version: '1.0.0', license: '(MIT OR CC0-1.0)', integrity: undefined };
  const subject = { type: 'container', name: 'autoscaler', version: '0.1.0' } as const;

  it('names each component once, sorted, with licence and hash', () => {
    const { components } = cycloneDx({ subject, packages: [pino, odd], epochSeconds: 0 }) as { components: unknown };
    expect(components).toEqual([
      {
        type: 'library',
        'bom-ref': 'pkg:npm/%40a/odd@1.0.0',
        name: '@a/odd',
        version: '1.0.0',
        purl: 'pkg:npm/%40a/odd@1.0.0',
        licenses: [{ expression: '(MIT OR CC0-1.0)' }],
      },
      {
        type: 'library',
        'bom-ref': 'pkg:npm/pino@10.4.0',
        name: 'pino',
        version: '10.4.0',
        purl: 'pkg:npm/pino@10.4.0',
        licenses: [{ license: { id: 'MIT' } }],
        hashes: [{ alg: 'SHA-512', content: '0001ff' }],
      },
    ]);
  });

  it('is the same for the same contents, in whatever order they were found', () => {
    const write = (packages: (typeof pino | typeof odd)[]): string =>
      JSON.stringify(cycloneDx({ subject, packages, epochSeconds: 1_700_000_000 }));
    expect(write([pino, odd])).toBe(write([odd, pino]));
    expect(write([pino])).toContain('"timestamp":"2023-11-14T22:13:20.000Z"');
    expect(write([pino])).not.toContain('serialNumber');
  });
});

it('writes scopes as package URLs want them', () => {
  expect(npmPurl('@redis-queue/worker', '1.0.0')).toBe('pkg:npm/%40redis-queue/worker@1.0.0');
});
