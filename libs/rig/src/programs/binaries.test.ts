import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goModule, VERSIONS } from './binaries.ts';

describe('the versions of the programs', () => {
  it.each([
    ['kubernetes', 'k8s.io/kubernetes'],
    ['helm', 'helm.sh/helm/v3'],
    ['containerd', 'github.com/containerd/containerd/v2'],
    ['coredns', 'github.com/coredns/coredns'],
  ] as const)('%s is what go.mod pins', (name, module) => {
    const required = new RegExp(`^\\t${module.replaceAll('.', '\\.')} v(\\S+)`, 'm');
    expect(required.exec(readFileSync(join(goModule, 'go.mod'), 'utf8'))?.[1]).toBe(VERSIONS[name]);
  });
});
