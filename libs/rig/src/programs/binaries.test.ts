import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { alertsModule, goModule, healthModule, s3Module, VERSIONS } from './binaries.ts';

describe('the versions of the programs', () => {
  it.each([
    ['kubernetes', 'k8s.io/kubernetes'],
    ['helm', 'helm.sh/helm/v3'],
    ['containerd', 'github.com/containerd/containerd/v2'],
    ['coredns', 'github.com/coredns/coredns'],
  ] as const)('%s is what go.mod pins', (name, module) => {
    expect(requiredBy(goModule).get(module)).toBe(VERSIONS[name]);
  });

  it('of the S3 server is what its own module pins', () => {
    expect(requiredBy(s3Module).get('github.com/versity/versitygw')).toBe(VERSIONS.versitygw);
  });

  it('of Prometheus is what its own module pins', () => {
    expect(requiredBy(alertsModule).get('github.com/prometheus/prometheus')).toBe(VERSIONS.prometheus);
  });

  it('are of the same packages in both modules, so that these are compiled once', () => {
    const shared = requiredBy(goModule);
    const health = requiredBy(healthModule);
    expect(health.get('sigs.k8s.io/cli-utils')).toBe(VERSIONS['cli-utils']);
    const others = [...health].filter(([module, version]) => (shared.get(module) ?? version) !== version);
    expect(others).toEqual([]);
  });
});

/** The version of each module that a `go.mod` requires. */
function requiredBy(module: string): Map<string, string> {
  const lines = readFileSync(join(module, 'go.mod'), 'utf8').matchAll(/^\t(\S+) v(\S+)/gm);
  return new Map([...lines].map(([, path = '', version = '']) => [path, version]));
}
