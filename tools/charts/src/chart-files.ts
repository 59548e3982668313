import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { controllers, type ControllerChart } from './controllers.ts';

/** Where the templates that all charts share lie, seen from the charts/ folder of a controller's chart. */
export const COMMON_LINK = '../../common';

/**
 * The Chart.yaml of every controller's chart: path below the repository's root → text. Their version is that of the
 * library chart, with which they are released.
 */
export function chartFiles(repository: string): Map<string, string> {
  const common = parse(readFileSync(join(repository, 'charts/common/Chart.yaml'), 'utf8')) as { version: string };
  return new Map(
    controllers.map((chart) => [`charts/${chart.name}/Chart.yaml`, controllerChart(chart, common.version)]),
  );
}

/** The Chart.yaml of a controller's chart, as Prettier keeps it. */
export function controllerChart(
  { name, summary, capabilities, settings }: Pick<ControllerChart, 'name' | 'summary' | 'capabilities' | 'settings'>,
  version: string,
): string {
  const annotations = [
    ...(capabilities.length > 0 ? [`  redis-queue.io/capabilities: ${capabilities.join(', ')}\n`] : []),
    ...(settings.length > 0 ? [`  redis-queue.io/settings: ${settings.map(({ value }) => value).join(', ')}\n`] : []),
  ];
  const declared = annotations.length > 0 ? `annotations:\n${annotations.join('')}` : '';
  return `# Generated from tools/charts by \`npm run generate\`; do not edit.
apiVersion: v2
name: ${name}
description: ${stringify(summary, { lineWidth: 0, singleQuote: true }).trim()}
type: application
version: ${version}
appVersion: ${version}
kubeVersion: '>=1.30.0-0'
${declared}# Lies in charts/ as a link, so that nothing has to be fetched or built before the chart installs.
dependencies:
  - name: common
    version: ${version}
`;
}
