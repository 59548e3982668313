import { setImmediate as turn } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Of BullMQ: waits for work, so it is answered when there is some. */
const WAIT = 'bzpopmin';

interface Counts {
  /** Waits for work that were begun. */
  waits: number;
  /** How long each of them may last, as Redis was asked; s. */
  waitSeconds: number[];
  /** Commands that were given to a connection which was closed, and nobody opened again. */
  onClosed: number;
  /** Commands that Redis has still to answer, without waits for work. */
  unanswered: number;
}

const counts = new Map<string, Counts>();

let watching = false;

/** Counts what the connections of every side send from now on, by the first part of their name. */
export function watchTraffic(): void {
  if (watching) return;
  watching = true;
  // oxlint-disable-next-line typescript/unbound-method -- it gets its connection below
  const send = Redis.prototype.sendCommand;
  Redis.prototype.sendCommand = function (this: Redis, command, ...more): unknown {
    const of = trafficOf((this.options.connectionName ?? '').split(':')[0]!);
    if (this.status === 'end') of.onClosed++;
    if (command.name.toLowerCase() === WAIT) {
      of.waits++;
      of.waitSeconds.push(Number(command.args.at(-1)));
    } else {
      of.unanswered++;
      const answered = (): void => void of.unanswered--;
      command.promise.then(answered, answered);
    }
    return send.call(this, command, ...more);
  };
}

/** What the connections have sent that are named so. */
export function trafficOf(name: string): Counts {
  const known = counts.get(name) ?? { waits: 0, waitSeconds: [], onClosed: 0, unanswered: 0 };
  counts.set(name, known);
  return known;
}

/**
 * Whether what is done by connections of that name goes on by a timer, a message or a job's own end alone: all that they
 * asked Redis for is answered, and what these answers led to has asked for nothing more.
 */
export async function atRest(name: string, redis: Redis): Promise<boolean> {
  // what Redis has answered before it answers this is there with it, also to a wait for work
  await redis.ping();
  // and is dealt with by now
  await turn();
  return trafficOf(name).unanswered === 0;
}
