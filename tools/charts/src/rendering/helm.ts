import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { APP_NAMES, APPS, type AppName, type Capability } from '@redis-queue/api';
import { helmPath, temporaryFolder, workspaceRoot } from '@redis-queue/rig';
import { parseAllDocuments } from 'yaml';

/** The charts that install something, and the one that installs them all. */
export const controllerCharts = APP_NAMES;
export const charts = ['redis-queue-crds', ...controllerCharts, 'redis-queue'] as const;
export type Chart = (typeof charts)[number];
export const chartsWith = (capability: Capability): AppName[] =>
  APP_NAMES.filter((name) => APPS[name].capabilities.includes(capability));

export const chartFolder = (chart: Chart): string => join(workspaceRoot, 'charts', chart);

/** A rendered object, as far as the tests read it for every kind. */
export interface Rendered {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string>; annotations?: Record<string, string> };
  [field: string]: unknown;
}

/** Whether it is there only while a release is uninstalled. */
export const isHook = ({ metadata }: Rendered): boolean => metadata.annotations?.['helm.sh/hook'] !== undefined;

/** The registry that `render` sets; every chart with an image asks for one. */
export const REGISTRY = 'registry.example';
/** The same for a command of helm's own. */
export const registryFlag = `--set=global.image.registry=${REGISTRY}`;

const home = temporaryFolder('helm');
const registryFile = join(home, 'registry.json');
writeFileSync(registryFile, JSON.stringify({ global: { image: { registry: REGISTRY } } }));

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
  /** Whether to set a registry, which `values` may replace; default true. */
  registry?: boolean;
  release?: string;
  namespace?: string;
}

/** What a chart, by folder or package, renders for a Kubernetes of today; without the notes. */
export async function render(chart: string, options: RenderOptions = {}): Promise<Rendered[]> {
  const { values = {}, registry = true, release = 'rq', namespace = 'redis-queue' } = options;
  const files = registry ? [`--values=${registryFile}`, '--values=-'] : ['--values=-'];
  const args = ['template', release, chart, '--namespace', namespace, '--kube-version=1.36.0', ...files];
  const text = await helm(args, JSON.stringify(values));
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}
