import type { Job } from 'bullmq';
import type { Log } from '../log/log.ts';
import type { OutageLog } from '../log/outage-log.ts';
import { pause } from './pause.ts';
import type { QueueWorker } from './queue-worker.ts';
import type { Slots } from './slots.ts';
import type { Room, Suspects } from './suspects.ts';

/** Where a queue's loop is, and since when (monotonic ms): what liveness judges. */
export interface LoopProgress {
  queue: string;
  step: 'slot' | 'fetch' | 'wait' | 'limited' | 'paused';
  sinceMs: number;
  /** When Redis last answered a fetch or a wait, or the loop last had reason to do neither (monotonic ms). */
  turnedMs: number;
  /** A fetch has succeeded since the connection was last lost. */
  fetching: boolean;
}

/** What a loop needs of a queue's worker. */
export type LoopWorker = Pick<
  QueueWorker,
  | 'halted'
  | 'resumed'
  | 'limited'
  | 'waitOutLimit'
  | 'nextToken'
  | 'parked'
  | 'fetch'
  | 'stillRuns'
  | 'putOff'
  | 'runJob'
  | 'handBack'
  | 'takeMarker'
  | 'handOn'
  | 'interrupt'
  | 'reconnect'
  | 'emitFailedFetch'
  | 'isAnswer'
>;

export interface LoopOptions {
  worker: LoopWorker;
  slots: Slots;
  suspects: Suspects;
  progress: LoopProgress;
  /** Ends the loop; the jobs that run go on. */
  stop: AbortSignal;
  log: Log;
  /** Tells of fetches that fail. */
  outages: Pick<OutageLog, 'warn'>;
  monotonic: () => number;
}

/** Fetching between two pauses of the worker: `stop` ends it as well when the worker is halted. */
interface Stretch extends LoopOptions {
  running: Set<Promise<void>>;
}

const RETRY_MS = 1_000;
/** How long a pod that leaves waits for Redis to answer before it leaves without an answer. */
const LEAVE_UNANSWERED_MS = 5_000;

/**
 * Serves one queue: what BullMQ's main loop does, on slots that are shared with other queues (docs/worker-duties.md).
 *
 * @returns once `stop` has aborted, or the worker is paused or closed, and every job it started has ended.
 */
export async function serveQueue(options: LoopOptions): Promise<void> {
  const { worker, progress, stop } = options;
  const running = new Set<Promise<void>>();
  while (!stop.aborted && !worker.halted.aborted) {
    await fetchJobs({ ...options, running, stop: AbortSignal.any([stop, worker.halted]) });
    if (stop.aborted) break;
    at(options, 'paused');
    // one that is resumed while its jobs run fetches again, as BullMQ's does
    await Promise.race([Promise.all(running), worker.resumed]);
    // the pause has cut the connection that waits
    await answeredBeforeLeaving(worker.reconnect(), stop).catch(() => undefined);
  }
  await Promise.all(running);
  if (!stop.aborted) progress.step = 'paused';
}

/**
 * Takes a slot, fetches, runs, again. While nothing is ready it waits without a slot, so that an idle queue costs the
 * others none; a wake-up that finds no free slot is handed on to the pods that have one.
 */
async function fetchJobs(stretch: Stretch): Promise<void> {
  const { worker, slots, suspects, progress, stop, outages, running } = stretch;
  const { queue } = progress;
  // a slot that was taken for a job which has to run beside few others
  let room: Room | undefined;
  for (;;) {
    const reserved = room;
    room = undefined;
    let hasSlot = reserved !== undefined;
    const release = (): void => {
      hasSlot = false;
      slots.release(queue);
    };
    try {
      if (worker.limited) {
        at(stretch, 'limited');
        const over = worker.waitOutLimit(reserved ? AbortSignal.any([stop, reserved.over]) : stop);
        await answeredBeforeLeaving(over, stop);
      }
      at(stretch, 'slot');
      if (!hasSlot && !(await slots.take(queue, stop))) break;
      hasSlot = true;
      if (worker.limited || stop.aborted) {
        release();
        continue;
      }
      at(stretch, 'fetch');
      const token = worker.nextToken();
      const fetch = worker.fetch(token);
      const fetched = await answeredBeforeLeaving(fetch, stop);
      if (!fetched) {
        release();
        void fetch.then(({ job }) => job && worker.handBack(job, token)).catch(() => undefined);
        break;
      }
      progress.fetching = true;
      turned(stretch);
      const { job } = fetched;
      if (job) {
        // from here on it is released by what runs the job, or makes room for it
        hasSlot = false;
        if (await worker.stillRuns(job)) {
          slots.release(queue);
          await answeredBeforeLeaving(worker.putOff(job, token), stop);
          continue;
        }
        const leave = suspects.admit(job);
        if (!leave) {
          at(stretch, 'slot');
          const made = suspects.makeRoom({ parked: worker.parked, job, token, queue, stop });
          room = await answeredBeforeLeaving(made, stop);
          if (!room) giveBackLate(made, () => slots.release(queue));
          continue;
        }
        const run = runJobs(stretch, job, token, leave).finally(() => {
          running.delete(run);
          slots.release(queue);
        });
        running.add(run);
        continue;
      }
      if (reserved && worker.limited) {
        room = reserved;
        continue;
      }
      release();
      at(stretch, 'wait');
      if (!worker.limited) {
        await waitForWork(stretch);
        turned(stretch);
      }
    } catch (error) {
      if (hasSlot) release();
      progress.fetching = false;
      // what it refuses here it would refuse a new process too
      if (worker.isAnswer(error)) turned(stretch);
      if (!stop.aborted && !worker.emitFailedFetch(error))
        outages.warn('cannot fetch jobs; trying again', { queue, error });
      await pause(RETRY_MS, stop);
    } finally {
      if (reserved !== room) reserved?.widen();
    }
  }
}

/**
 * Runs a job and, as long as no other queue waits for the slot, the queue's next ones, fetched as each finishes. After
 * one that had to run beside few others the slot is given back, and so is the next job when it must not run now.
 *
 * @param leave what is called when the first one has run
 */
async function runJobs(stretch: Stretch, job: Job, token: string, leave: () => void): Promise<void> {
  const { worker, slots, suspects, progress, stop, log } = stretch;
  let yielded = false;
  let [current, over] = [job, leave];
  const mayGoOn = (): boolean => {
    yielded = stop.aborted || slots.contendedBeside(progress.queue) || suspects.isSuspect(current);
    return !yielded;
  };
  try {
    for (;;) {
      const next = await worker.runJob(current, token, mayGoOn);
      if (!next) break;
      if (await worker.stillRuns(next)) {
        await worker.putOff(next, token);
        break;
      }
      const admitted = suspects.admit(next);
      if (!admitted) {
        await worker.handBack(next, token);
        break;
      }
      over();
      [current, over] = [next, admitted];
    }
    // the end of a job makes room under a global concurrency, and BullMQ wakes nobody for a prioritized job that was
    // handed back: somebody has to fetch
    if (yielded) await answeredBeforeLeaving(worker.handOn(), stop);
  } catch (error) {
    log.error("cannot record a job's end; it will run again once its lock expires", { jobId: current.id, error });
  } finally {
    over();
  }
}

async function waitForWork({ worker, slots, stop }: Stretch): Promise<void> {
  if (stop.aborted) return;
  const interrupt = (): void => void worker.interrupt().catch(() => undefined);
  stop.addEventListener('abort', interrupt, { once: true });
  try {
    // interrupted or not: without Redis neither ends by itself
    const marker = await answeredBeforeLeaving(worker.takeMarker(), stop);
    if (marker && (stop.aborted || slots.free === 0)) await answeredBeforeLeaving(worker.handOn(marker), stop);
  } catch (error) {
    if (stop.aborted) return;
    await answeredBeforeLeaving(worker.reconnect(), stop);
    throw error;
  } finally {
    stop.removeEventListener('abort', interrupt);
  }
}

/** For a room that nobody waits for any more: a worker that is only paused would lack its slot from then on. */
function giveBackLate(made: Promise<Room | undefined>, release: () => void): void {
  const giveBack = (room: Room | undefined): void => {
    if (!room) return;
    release();
    room.widen();
  };
  void made.then(giveBack, () => undefined);
}

function at({ progress, monotonic }: LoopOptions, step: LoopProgress['step']): void {
  progress.step = step;
  progress.sinceMs = monotonic();
}

function turned({ progress, monotonic }: LoopOptions): void {
  progress.turnedMs = monotonic();
}

/** What `asked` resolves with; undefined when the pod leaves and Redis still has not answered after some seconds. */
export async function answeredBeforeLeaving<T>(asked: Promise<T>, stop: AbortSignal): Promise<T | undefined> {
  const { promise: left, resolve } = Promise.withResolvers<undefined>();
  let timer: NodeJS.Timeout | undefined;
  const leave = (): void => void (timer = setTimeout(resolve, LEAVE_UNANSWERED_MS, undefined));
  if (stop.aborted) leave();
  else stop.addEventListener('abort', leave, { once: true });
  try {
    return await Promise.race([asked, left]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', leave);
  }
}
