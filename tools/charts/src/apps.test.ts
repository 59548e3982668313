import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { APP_NAMES, APPS } from '@redis-queue/api';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const repository = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(repository, path), 'utf8');
const foldersOf = (path: string): string[] =>
  readdirSync(join(repository, path), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name)
    .toSorted();

interface ChartFile {
  name: string;
  description: string;
  version: string;
  annotations?: Record<string, string>;
  dependencies?: { name: string; alias?: string; version: string; condition?: string }[];
}
const chartFile = (chart: string): ChartFile => parse(read(`charts/${chart}/Chart.yaml`)) as ChartFile;

/** Charts that are no app's: the library, the definitions, and the umbrella. */
const OTHER_CHARTS = ['common', 'redis-queue-crds', 'redis-queue'];

it('every app of the table has a folder, and no folder is missing from the table', () => {
  expect(foldersOf('apps')).toEqual(APP_NAMES.toSorted());
});

it('every app of the table has a chart, and there is no other', () => {
  expect(foldersOf('charts')).toEqual([...APP_NAMES, ...OTHER_CHARTS].toSorted());
});

describe.each(APP_NAMES)('the chart %s', (name) => {
  const chart = chartFile(name);

  it('has the name and the summary of the table', () => {
    expect(chart).toMatchObject({ name, description: APPS[name].summary });
  });

  it('declares the capabilities of the table', () => {
    const declared = chart.annotations?.['redis-queue.io/capabilities'];
    expect(declared?.split(', ') ?? []).toEqual(APPS[name].capabilities);
  });

  it('has the templates that all charts share as a link', () => {
    expect(readlinkSync(join(repository, `charts/${name}/charts/common`))).toBe('../../common');
  });
});

describe('the umbrella chart', () => {
  const { dependencies = [] } = chartFile('redis-queue');

  it('depends on every app, which its values can switch off, and on nothing else', () => {
    const expected = APP_NAMES.map((name) => ({
      name,
      version: chartFile(name).version,
      condition: `${name}.enabled`,
    }));
    expect(dependencies.filter(({ name }) => !OTHER_CHARTS.includes(name))).toEqual(expected);
    expect(foldersOf('charts/redis-queue/charts')).toEqual(dependencies.map(({ name }) => name).toSorted());
  });

  it('installs every app unless its values say otherwise', () => {
    const { global: _, crds: __, ...values } = parse(read('charts/redis-queue/values.yaml')) as Record<string, unknown>;
    expect(values).toEqual(Object.fromEntries(APP_NAMES.map((name) => [name, { enabled: true }])));
  });
});

it('the README builds the image of every app', () => {
  expect(read('README.md')).toContain(`for app in ${APP_NAMES.join(' ')}; do`);
});

it('charts/README.md lists every chart', () => {
  const listed = [...read('charts/README.md').matchAll(/^\| \[`([a-z-]+)`\]/gm)].map(([, name]) => name!);
  expect(listed.toSorted()).toEqual([...APP_NAMES, ...OTHER_CHARTS].toSorted());
});
