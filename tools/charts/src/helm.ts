import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { helmPath, temporaryFolder, workspaceRoot } from '@redis-queue/rig';
import { parseAllDocuments } from 'yaml';

/** The charts that install something, and the one that installs them all. */
export const controllerCharts = ['queue-controller', 'workerpool-controller', 'autoscaler'] as const;
export const charts = ['redis-queue-crds', ...controllerCharts, 'redis-queue'] as const;
export type Chart = (typeof charts)[number];

export const chartFolder = (chart: Chart): string => join(workspaceRoot, 'charts', chart);

/** A rendered object, as far as the tests look at every kind alike. */
export interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

const home = temporaryFolder('helm');

/** Runs helm with no configuration but its arguments. @throws with what helm wrote to standard error. */
export function helm(args: string[], input = ''): Promise<string> {
  const env = {
    PATH: process.env['PATH'],
    HOME: home,
    HELM_CACHE_HOME: home,
    HELM_CONFIG_HOME: home,
    HELM_DATA_HOME: home,
  };
  return new Promise((resolve, reject) => {
    const child = execFile(helmPath(), args, { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`helm ${args.join(' ')}: ${stderr.trim()}\n${stdout}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

export interface RenderOptions {
  values?: object;
  release?: string;
  namespace?: string;
}

/** What a chart, by folder or package, renders for a Kubernetes of today; without the notes. */
export async function render(chart: string, options: RenderOptions = {}): Promise<Rendered[]> {
  const { values = {}, release = 'rq', namespace = 'redis-queue-system' } = options;
  const args = ['template', release, chart, '--namespace', namespace, '--kube-version=1.36.0', '--values=-'];
  const text = await helm(args, JSON.stringify(values));
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}
