import { expect, it } from 'vitest';
import { lockedPackage, runtimeFolders, type Lockfile } from './lockfile.ts';

const lock: Lockfile = {
  packages: {
    'libs/worker': { dependencies: { a: '1', '@s/b': '1' } },
    'node_modules/a': { version: '1.0.0', license: 'MIT', integrity: 'sha512-AA==', dependencies: { c: '1' } },
    'node_modules/a/node_modules/c': { version: '1.5.0', dependencies: { a: '1' } },
    'node_modules/c': { version: '2.0.0' },
    'libs/worker/node_modules/@s/b': { version: '3.0.0', optionalDependencies: { missing: '1' } },
    'node_modules/unused': { version: '9.0.0' },
  },
};

it('follows dependencies as Node does: the nearest copy, each once', () => {
  expect(runtimeFolders(lock, 'libs/worker')).toEqual([
    'libs/worker/node_modules/@s/b',
    'node_modules/a',
    'node_modules/a/node_modules/c',
  ]);
});

it('knows name, version, licence and hash of a folder', () => {
  const expected = { name: 'a', version: '1.0.0', license: 'MIT', integrity: 'sha512-AA==' };
  expect(lockedPackage(lock, 'node_modules/a')).toEqual(expected);
  expect(lockedPackage(lock, 'libs/worker/node_modules/@s/b').name).toBe('@s/b');
  expect(() => lockedPackage(lock, 'node_modules/x')).toThrow('not in package-lock.json');
});
