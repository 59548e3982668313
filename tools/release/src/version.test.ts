import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { chartVersions, disagreements, namedVersions } from './version.ts';

it('finds every version that a chart names', () => {
  const chart = "apiVersion: v2\nversion: 0.1.0\nappVersion: '0.2.0'\ndependencies:\n  - name: a\n    version: 0.3.0\n";
  expect(chartVersions('Chart.yaml', chart).map(({ version }) => version)).toEqual(['0.1.0', '0.2.0', '0.3.0']);
});

it('refuses a release whose parts do not agree, or whose tag is another', () => {
  const named = [
    { where: 'a', version: '1.0.0' },
    { where: 'b', version: '1.0.1' },
  ];
  expect(disagreements('1.0.0', named, 'v1.0.0')).toEqual(['b says 1.0.1, package.json says 1.0.0']);
  expect(disagreements('1.0.0', named.slice(0, 1), 'v1.1.0')).toEqual(['the tag is v1.1.0, package.json says 1.0.0']);
  expect(disagreements('1.0.0', named.slice(0, 1), undefined)).toEqual([]);
});

it('finds one version in the whole workspace', () => {
  const named = namedVersions(resolve(import.meta.dirname, '../../..'));
  expect(named.length).toBeGreaterThan(15);
  expect(disagreements(named[0]!.version, named, undefined)).toEqual([]);
});
