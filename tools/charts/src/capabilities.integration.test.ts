import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Capability } from '@redis-queue/api';
import { temporaryFolder, workspaceRoot } from '@redis-queue/rig';
import { describe, expect, it } from 'vitest';
import { controllerChart } from './chart-files.ts';
import { render } from './rendering/helm.ts';
import { controllerSchema } from './values-schema.ts';
import { controllerValues } from './values.ts';

const NAME = 'sample-controller';
const CONTROLLER = `{{- define "${NAME}.rules" -}}
- apiGroups: [redis-queue.io]
  resources: [samples]
  verbs: [get, list, watch]
{{- end }}
{{- include "redis-queue.controller" (dict "root" . "clusterRules" (include "${NAME}.rules" .)) }}
`;

/** A chart as short as that of a new controller, of a cluster-scoped kind; its folder. */
function sampleChart(...declared: string[]): string {
  const folder = temporaryFolder('sample');
  const capabilities = declared as Capability[];
  const chart = { name: NAME, summary: 'A sample.', capabilities, namespaceScope: false, settings: [] };
  const files = {
    'Chart.yaml': controllerChart(chart, '0.1.0'),
    'values.yaml': controllerValues(chart),
    'values.schema.json': JSON.stringify(controllerSchema(chart)),
    'templates/controller.yaml': CONTROLLER,
  };
  mkdirSync(join(folder, 'charts'));
  mkdirSync(join(folder, 'templates'));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(folder, path), text);
  symlinkSync(join(workspaceRoot, 'charts/common'), join(folder, 'charts/common'));
  return folder;
}

/** What is rendered, but for values, as text to search: rights and the container. */
const rendered = async (folder: string, values: object = {}): Promise<string> =>
  JSON.stringify(await render(folder, { values }));

const TRACES: Record<Capability, string[]> = {
  redis: ['"--redis-secret-names=redis-credentials"', '"resources":["secrets"],"resourceNames":["redis-credentials"]'],
  bus: ['"--bus-secret-name=redis-queue-bus"', '"resources":["secrets"],"resourceNames":["redis-queue-bus"]'],
  workers: ['"resources":["deployments"]', '"resources":["pods"]', '"resources":["configmaps"]'],
  webhooks: ['"--webhook-port=9443"', '"containerPort":9443'],
  storage: ['"--storage-secret-names=backup-storage,backup-key"', '"resourceNames":["backup-storage","backup-key"]'],
};
/** They are off by default. */
const SERVES = { webhooks: { enabled: true } };
const ALL = Object.keys(TRACES) as Capability[];

describe('a chart', () => {
  it('without capabilities has no Redis argument, no Secret and no right on pods, and renders all else', async () => {
    const text = await rendered(sampleChart());
    for (const trace of Object.values(TRACES).flat()) expect(text).not.toContain(trace);
    expect(text).not.toMatch(/redis-secret|"secrets"|secretKeyRef|bus-/);
    expect(text).toContain('"resources":["samples"]');
    expect(text).toContain('"resources":["events"]');
    expect(text).toContain('"--http-port=8080"');
  });

  it.each(ALL)('with the capability %s has what that needs, and nothing of the others', async (capability) => {
    const text = await rendered(sampleChart(capability), capability === 'webhooks' ? SERVES : {});
    const seen = ALL.filter((each) => TRACES[each].some((trace) => text.includes(trace)));
    expect(seen).toEqual([capability]);
    for (const trace of TRACES[capability]) expect(text).toContain(trace);
  });

  it('with several capabilities has what each needs', async () => {
    const text = await rendered(sampleChart(...ALL), SERVES);
    for (const trace of Object.values(TRACES).flat()) expect(text).toContain(trace);
  });

  it('reads and watches the further Secrets of worker pods only as one that creates them', async () => {
    const values = { workers: { secretNames: ['mail-api'] } };
    const text = await rendered(sampleChart('workers'), values);
    expect(text).toContain('"--worker-secret-names=mail-api"');
    expect(text).toContain('"resources":["secrets"],"resourceNames":["mail-api"]');
    await expect(rendered(sampleChart('redis'), values)).rejects.toThrow("additional properties 'workers' not allowed");
  });

  it('with an unknown capability is refused, and the message says which ones are known', async () => {
    await expect(rendered(sampleChart('redis', 'webhook'))).rejects.toThrow(
      `the chart ${NAME} declares the capability webhook; known are redis, bus, workers`,
    );
  });

  it('of a cluster-scoped kind cannot be confined to a namespace', async () => {
    await expect(rendered(sampleChart(), { namespaceScope: 'shop' })).rejects.toThrow(
      "additional properties 'namespaceScope' not allowed",
    );
  });
});
