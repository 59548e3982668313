/** A job of the queue `emails` as `examples/worker` reads it. */
export interface ExampleJob {
  name: string;
  data: { to: string; run: string; sendMs: number; rounds: number; failures: number };
  opts: { attempts: number; backoff: number; removeOnComplete: number; removeOnFail: number };
}

/** Jobs for a developer to watch: of different lengths; every 20th fails once and every 100th always. */
export function exampleJobs(count: number, run: string): ExampleJob[] {
  return Array.from({ length: count }, (_, index) => ({
    name: 'email',
    data: {
      to: `person-${index + 1}@example.com`,
      run,
      sendMs: ((index * 37) % 10) * 100 + 100,
      rounds: 20,
      failures: failuresOf(index + 1),
    },
    opts: { attempts: 2, backoff: 500, removeOnComplete: 1000, removeOnFail: 1000 },
  }));
}

function failuresOf(position: number): number {
  if (position % 100 === 0) return -1;
  return position % 20 === 0 ? 1 : 0;
}
