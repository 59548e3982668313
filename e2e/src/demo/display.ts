import type { Depth } from '../ledger/producer.ts';
import type { PoolView } from './pool-watch.ts';

export interface Frame {
  elapsedMs: number;
  depth: Depth;
  waitP95Ms: number | undefined;
  pool: PoolView;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

/** Everything in one line, for logs. */
export function frameLine({ elapsedMs, depth, waitP95Ms, pool }: Frame): string {
  const { waiting, prioritized, delayed, active, completed, failed } = depth;
  const wait = waitP95Ms === undefined ? '–' : seconds(waitP95Ms);
  return (
    `${seconds(elapsedMs).padStart(7)}  waiting ${waiting + prioritized}  delayed ${delayed}  active ${active}  completed ${completed}` +
    `  failed ${failed}  p95 wait ${wait}  pods ${pool.ready} ready of ${pool.wanted} wanted  ${pool.reason}`
  );
}

/** The live table of a terminal, as lines no wider than `columns`. */
export function frameTable({ elapsedMs, depth, waitP95Ms, pool }: Frame, columns: number): string[] {
  const { waiting, prioritized, delayed, active, completed, failed } = depth;
  const bar = '█'.repeat(pool.ready) + '░'.repeat(Math.max(0, pool.wanted - pool.ready));
  return [
    `  time      ${seconds(elapsedMs)}`,
    `  jobs      ${waiting} waiting · ${prioritized} prioritized · ${delayed} delayed · ${active} active · ${completed} completed · ${failed} failed`,
    `  p95 wait  ${waitP95Ms === undefined ? 'no data' : seconds(waitP95Ms)}`,
    `  pods      ${bar} ${pool.ready} ready of ${pool.wanted} wanted`,
    `  because   ${pool.reason}`,
  ].map((line) => line.slice(0, columns));
}

export interface Screen {
  show: (frame: Frame) => void;
}

const LINE_EVERY_MS = 5_000;

/**
 * Redraws the table in place on a terminal; otherwise prints a line every 5 s. Standard error, so that stdout ends in
 * JSON.
 */
export function createScreen(out: NodeJS.WriteStream): Screen {
  let drawn = 0;
  let lastLineMs = Number.NEGATIVE_INFINITY;
  return {
    show: (frame) => {
      if (out.isTTY) {
        const lines = frameTable(frame, out.columns || 120);
        out.write((drawn ? `\u001B[${drawn}A` : '') + lines.map((line) => `\u001B[2K${line}\n`).join(''));
        drawn = lines.length;
      } else if (frame.elapsedMs - lastLineMs >= LINE_EVERY_MS) {
        lastLineMs = frame.elapsedMs;
        out.write(`${frameLine(frame)}\n`);
      }
    },
  };
}
