/**
 * A Helm value of an app's chart, for a sentence: who installed that chart finds it, and who installed the chart
 * redis-queue, where it has another path.
 *
 * @param app whose chart has the value.
 * @param value its path there: `redis.secretNames`.
 * @param shared whether the chart redis-queue has it among the globals too, for all apps.
 */
export function helmValue(app: string, value: string, { shared = false }: { shared?: boolean } = {}): string {
  const inUmbrella = shared ? `global.${value}, or ${app}.${value} where that is set` : `${app}.${value}`;
  return `the Helm value ${value} of the chart ${app} (of the chart redis-queue: ${inUmbrella})`;
}
