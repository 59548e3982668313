import { parseDuration, type JobSchedulerSpec, type QueueSpec } from '@redis-queue/api';
import { scheduleProblem, type JobScheduler, type Schedule } from '@redis-queue/bullmq';

/** The job schedulers of a spec, as BullMQ is to have them. */
export interface DeclaredSchedulers {
  /** Those that can run. */
  readonly schedulers: readonly JobScheduler[];
  /** Of all of them: one that cannot run stays in Redis as it was. */
  readonly names: ReadonlySet<string>;
  /** Why some cannot run: each names its field. */
  readonly problems: readonly string[];
}

/** As JSON, UTF-8: read with each comparison, and written with each job. */
const MAX_DATA_BYTES = 16_384;

/** None while the queue is retired. Pure. */
export function declaredSchedulers({ schedulers = [], retire }: QueueSpec): DeclaredSchedulers {
  const declared = (retire === true ? [] : schedulers).map((spec) => ({ name: spec.name, ...declare(spec) }));
  return {
    schedulers: declared.flatMap(({ scheduler }) => scheduler ?? []),
    names: new Set(declared.map(({ name }) => name)),
    problems: declared.flatMap(({ problem }) => problem ?? []),
  };
}

function declare(spec: JobSchedulerSpec): { readonly scheduler?: JobScheduler; readonly problem?: string } {
  const { name, template } = spec;
  const at = (field: string): string => `spec.schedulers[name=${name}].${field}`;
  const schedule = scheduleOf(spec);
  const wrong = scheduleProblem(schedule);
  if (wrong) return { problem: `${at(wrong.field)}: ${wrong.message}` };
  const data = jsonOf(template?.data ?? {});
  if (data === undefined || Buffer.byteLength(data) > MAX_DATA_BYTES)
    return { problem: `${at('template.data')}: it has more than 16 kB as JSON; keep it elsewhere, and its place here` };
  return { scheduler: { name, schedule, jobName: template?.name ?? name, data, opts: template?.opts ?? {} } };
}

function scheduleOf({ cron = '', every, timeZone = 'UTC' }: JobSchedulerSpec): Schedule {
  return every === undefined ? { cron, timeZone } : { everyMs: parseDuration(every) };
}

/** undefined: it is nested so deeply that it has no JSON. */
function jsonOf(data: object): string | undefined {
  try {
    return JSON.stringify(data);
  } catch {
    return undefined;
  }
}

const PROBLEMS_SAID = 3;

/** One sentence about the problems, however many there are; undefined when there are none. */
export function describeProblems(problems: readonly string[]): string | undefined {
  if (problems.length === 0) return undefined;
  const more = problems.length - PROBLEMS_SAID;
  return [...problems.slice(0, PROBLEMS_SAID), ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}
