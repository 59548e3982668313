import { execFile } from 'node:child_process';
import { program } from '../programs/binaries.ts';

export interface AlertQuestion {
  /** The text of a rule file of Prometheus. */
  readonly rules: string;
  /** Values of series, one per minute, as promtool's tests have them: `up{job="a"}` → `1x10 0x5`. */
  readonly series: Readonly<Record<string, string>>;
  /** The minutes that are asked about, in ascending order. */
  readonly atMinutes: readonly number[];
}

export interface FiringAlert {
  /** With `alertname`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * The alerts that fire at each of the minutes, as Prometheus evaluates the rules.
 *
 * @throws what Prometheus finds wrong with the rules.
 */
export async function firingAlerts(question: AlertQuestion): Promise<FiringAlert[][]> {
  const answer = await new Promise<string>((resolve, reject) => {
    const child = execFile(program('alerts'), { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(stderr.trim() || error.message, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(JSON.stringify(question));
  });
  return JSON.parse(answer) as FiringAlert[][];
}
