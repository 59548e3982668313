import { describe, expect, it } from 'vitest';
import { randomPartial } from '../../testing/partial-templates.ts';
import { holds } from '../drift.ts';
import { mergePodTemplate } from './merge.ts';
import type { JsonObject, PodTemplate } from './pod-schema.ts';

const built: PodTemplate = {
  metadata: { labels: { ours: '1' }, annotations: { ours: '1' } },
  spec: {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 65_532 },
    containers: [
      {
        name: 'worker',
        ports: [{ name: 'http', containerPort: 9100, protocol: 'TCP' }],
        env: [
          { name: 'A', value: '1' },
          { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
        ],
        livenessProbe: { httpGet: { path: '/livez', port: 'http' }, periodSeconds: 10 },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }],
        securityContext: { readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      },
    ],
    volumes: [{ name: 'tmp', emptyDir: {} }],
  },
};
const merge = (spec: JsonObject): JsonObject => mergePodTemplate(built, { spec }).spec;
const worker = (container: JsonObject): JsonObject =>
  (merge({ containers: [{ name: 'worker', ...container }] })['containers'] as JsonObject[])[0]!;

describe('a partial template', () => {
  it('adds to maps and overrides in them', () => {
    const { metadata } = mergePodTemplate(built, {
      metadata: { labels: { team: 'mail' }, annotations: { ours: '2' } },
    });
    expect(metadata).toEqual({ labels: { ours: '1', team: 'mail' }, annotations: { ours: '2' } });
    expect(merge({ securityContext: { runAsUser: 1000 } })['securityContext']).toEqual({
      runAsNonRoot: true,
      runAsUser: 1000,
    });
  });

  it('adds a sidecar after the worker, and leaves the worker as it is', () => {
    expect(merge({ containers: [{ name: 'proxy', image: 'proxy:1' }] })['containers']).toEqual([
      built.spec.containers[0],
      { name: 'proxy', image: 'proxy:1' },
    ]);
  });

  it('overrides an entry by its key, in its place, and adds new ones after', () => {
    expect(
      worker({
        env: [
          { name: 'C', value: '3' },
          { name: 'A', value: '9' },
        ],
      })['env'],
    ).toEqual([
      { name: 'A', value: '9' },
      { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } },
      { name: 'C', value: '3' },
    ]);
    expect(
      worker({
        volumeMounts: [
          { mountPath: '/tmp', subPath: 'x' },
          { name: 'tmp', mountPath: '/data' },
        ],
      }),
    ).toMatchObject({
      volumeMounts: [
        { name: 'tmp', mountPath: '/tmp', subPath: 'x' },
        { name: 'tmp', mountPath: '/data' },
      ],
    });
  });

  it('tells ports apart by number and protocol, TCP when none is given', () => {
    expect(
      worker({
        ports: [
          { containerPort: 9100, hostPort: 1 },
          { containerPort: 9100, protocol: 'UDP' },
        ],
      }),
    ).toMatchObject({
      ports: [
        { name: 'http', containerPort: 9100, protocol: 'TCP', hostPort: 1 },
        { containerPort: 9100, protocol: 'UDP' },
      ],
    });
  });

  it('replaces a list whose entries have no key', () => {
    expect(worker({ securityContext: { capabilities: { drop: ['NET_RAW'] } } })['securityContext']).toEqual({
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['NET_RAW'] },
    });
  });

  it.each([
    [
      'a value over a reference',
      worker({ env: [{ name: 'B', value: 'x' }] })['env'],
      [
        { name: 'A', value: '1' },
        { name: 'B', value: 'x' },
      ],
    ],
    [
      'another source of a volume',
      merge({ volumes: [{ name: 'tmp', persistentVolumeClaim: { claimName: 'c' } }] })['volumes'],
      [{ name: 'tmp', persistentVolumeClaim: { claimName: 'c' } }],
    ],
    [
      'the same source, with more said of it',
      merge({ volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }] })['volumes'],
      [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }],
    ],
    [
      'another handler of a probe',
      worker({ livenessProbe: { exec: { command: ['true'] } } })['livenessProbe'],
      { exec: { command: ['true'] }, periodSeconds: 10 },
    ],
    [
      'another period of the same probe',
      worker({ livenessProbe: { periodSeconds: 60 } })['livenessProbe'],
      { httpGet: { path: '/livez', port: 'http' }, periodSeconds: 60 },
    ],
  ])('puts %s in the place of what excludes it', (_, found, expected) => {
    expect(found).toEqual(expected);
  });

  it('may use names that every object seems to have', () => {
    const labels = { constructor: 'a', toString: 'b', ['__proto__']: 'c' };
    const merged = mergePodTemplate(built, { metadata: { labels }, hasOwnProperty: [{ name: 'a' }, { name: 'a' }] });
    expect(Object.entries(merged.metadata.labels)).toEqual(expect.arrayContaining(Object.entries(labels)));
    expect(merged['hasOwnProperty']).toEqual([{ name: 'a' }, { name: 'a' }]);
  });

  it('that is no template is passed on as it is, for the API server to say what is wrong', () => {
    expect(mergePodTemplate(built, { spec: 'text', other: 1 })).toEqual({ ...built, spec: 'text', other: 1 });
    expect(merge({ containers: 'text' })['containers']).toBe('text');
  });
});

const names = ({ spec }: PodTemplate) => spec.containers.map(({ name }) => name);

describe('any template', () => {
  const partials = Array.from({ length: 300 }, (_, index) => randomPartial(index + 1));

  it('holds after the merge, once or twice, and neither side is changed', () => {
    for (const partial of partials) {
      const [builtBefore, partialBefore] = [structuredClone(built), structuredClone(partial)];
      const merged = mergePodTemplate(built, partial);
      expect(holds(partial, merged)).toBe(true);
      expect(mergePodTemplate(merged, partial)).toEqual(merged);
      expect([built, partial]).toEqual([builtBefore, partialBefore]);
    }
  });

  it('leaves everything that it does not mention', () => {
    for (const partial of partials) {
      const merged = mergePodTemplate(built, partial);
      expect(mergePodTemplate(mergePodTemplate(merged, built), partial)).toEqual(merged);
      expect(names(merged)).toEqual(expect.arrayContaining(names(built)));
    }
  });
});

it('an empty template changes nothing', () => {
  expect(mergePodTemplate(built, {})).toEqual(built);
});
