import { setImmediate as immediate } from 'node:timers/promises';
import { Gauge, type Registry } from 'prom-client';

/** A number as a metric shows it: six digits of what is no whole number. */
export function metricValue(value: number): string {
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(6)));
}

/** Rows that are written before other work gets its turn. */
const ROWS_PER_TURN = 500;

export interface LiveGaugeOptions {
  readonly name: string;
  readonly help: string;
  readonly registers: Registry[];
}

/**
 * A gauge whose rows, `{labels} value`, are written when it is read; label values are Kubernetes names, with nothing to
 * escape.
 */
export class LiveGauge extends Gauge {
  readonly #rows: () => Iterable<string>;
  readonly #about: LiveGaugeOptions;

  constructor(about: LiveGaugeOptions, rows: () => Iterable<string>) {
    super(about);
    this.#about = about;
    this.#rows = rows;
  }

  /**
   * Called by the registry for its text. The registry would format all rows in one turn of the event loop, which for
   * 60,000 of them blocks all else for hundreds of ms; so they are written here, some per turn and one gauge after the
   * other, and returned as one.
   */
  getForPromString(): Promise<object> {
    const written = lastWritten.then(() => this.#write());
    lastWritten = written.catch(() => {});
    return written;
  }

  async #write(): Promise<object> {
    const { name, help } = this.#about;
    let text = '';
    let rows = 0;
    for (const row of this.#rows()) {
      text += `${rows === 0 ? '' : '\n'}${name}${row}`;
      if (++rows % ROWS_PER_TURN === 0) await immediate(); // oxlint-disable-line no-await-in-loop -- that is the point
    }
    const end = text.lastIndexOf(' ');
    const values = rows === 0 ? [] : [{ metricName: text.slice(0, end), value: Number(text.slice(end)) }];
    return { name, help, type: 'gauge', values };
  }
}

let lastWritten: Promise<unknown> = Promise.resolve();
