// How reasons write numbers: with as few digits as a person needs.

/** Made once: the first one of a process takes tens of ms, which no decision should wait for. */
const WHOLE = new Intl.NumberFormat('en-US');

export function replicas(n: number): string {
  return n === 1 ? '1 replica' : `${count(n)} replicas`;
}

type Verb = readonly [one: string, many: string];

/** "1 job waits", "3,000 jobs wait"; parts of jobs, as shares of queues have them, are rounded up. */
export function jobs(n: number, verb: Verb): string {
  return counted(n, [`job ${verb[0]}`, `jobs ${verb[1]}`]);
}

export function counted(n: number, [one, many]: Verb): string {
  const whole = Math.ceil(n - 1e-9);
  return `${count(whole)} ${whole === 1 ? one : many}`;
}

export function count(n: number): string {
  return WHOLE.format(Math.round(n));
}

/** Two significant digits below 10, whole numbers above. */
export function decimal(n: number): string {
  if (n >= 10) return count(n);
  return String(Number(n.toPrecision(2)));
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

export function duration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${Number((ms / 1_000).toPrecision(3))} s` : `${Number((ms / 60_000).toPrecision(3))} min`;
}

/** Up to three of `items` in full, and how many more there are. */
export function few(items: readonly string[]): string {
  if (items.length <= 1) return items.join('');
  if (items.length <= 3) return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
  return `${items.slice(0, 3).join(', ')} and ${items.length - 3} more`;
}

export function clip(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}
