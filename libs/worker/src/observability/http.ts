import { createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';

export interface Probes {
  livez: () => Health;
  readyz: () => Health;
  metrics: Exposition;
}

/** What /metrics answers. */
export interface Exposition {
  contentType: string;
  text: () => Promise<string>;
}

/** How long a metric of the user's may collect: a scrape has 10 s by default. */
const COLLECT_MS = 5_000;

/** Told once when a metric of the user's begins to fail. */
export type MetricFailure = (metric: string, error: unknown) => void;

/**
 * The metrics of the pod, with the user's after them.
 *
 * @param collectMs how long each of the user's may collect
 *
 * @throws Error when a name is in both, which no scraper could read.
 */
export function expositionOf(
  own: Registry,
  users?: Registry,
  onFailure: MetricFailure = () => undefined,
  collectMs = COLLECT_MS,
): Exposition {
  const { contentType } = own;
  if (!users) return { contentType, text: () => own.metrics() };
  const names = new Set(own.getMetricsAsArray().map(({ name }) => name));
  const twice = users.getMetricsAsArray().flatMap(({ name }) => (names.has(name) ? [name] : []));
  if (twice.length > 0) {
    throw new Error(
      `the registry given to runWorkers holds metrics that the pod has by itself: ${twice.slice(0, 5).join(', ')}; leave out collectDefaultMetrics, or rename them`,
    );
  }
  const given = createUsersText(users, onFailure, collectMs);
  return { contentType, text: async () => `${await own.metrics()}\n${await given()}` };
}

/** Each metric by itself: one that fails, or is not there in time, is left out, and takes no other along. */
function createUsersText(users: Registry, onFailure: MetricFailure, collectMs: number): () => Promise<string> {
  const collecting = new Map<string, Promise<string>>();
  const failed = new Set<string>();
  const textOf = async (name: string): Promise<string> => {
    // one that hangs is not asked anew by each scrape
    const asked = collecting.get(name) ?? users.getSingleMetricAsString(name);
    collecting.set(name, asked);
    const forget = (): void => void collecting.delete(name);
    asked.then(forget, forget);
    const late = new AbortController();
    const tooLate = async (): Promise<never> => {
      await sleep(collectMs, undefined, { signal: late.signal });
      throw new Error(`it was not collected within ${collectMs / 1000} s`);
    };
    try {
      const text = await Promise.race([asked, tooLate()]);
      failed.delete(name);
      return `${text}\n`;
    } catch (error) {
      if (!failed.has(name)) onFailure(name, error);
      failed.add(name);
      return `# ${name} could not be collected\n`;
    } finally {
      late.abort();
    }
  };
  return async () =>
    (await Promise.all(users.getMetricsAsArray().map(async ({ name }) => await textOf(name)))).join('\n');
}

/** Serves /livez, /readyz and /metrics; resolves once it listens. Port 0 takes any free one. */
export async function serveHttp(port: number, probes: Probes): Promise<Server> {
  const server = createServer((request, response) => {
    void respond(request.url ?? '/', probes, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new Error(`cannot serve the probes on port ${port} (RQ_HTTP_PORT): ${error.message}`, { cause: error })),
    );
    server.listen(port, resolve);
  });
  return server;
}

interface Answer {
  status: number;
  type: string;
  body: string;
}

async function respond(path: string, probes: Probes, response: ServerResponse): Promise<void> {
  const { status, type, body } = await answer(path, probes).catch(failure);
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}

/** Whatever fails here ends no process that runs jobs. */
function failure(error: unknown): Answer {
  return { status: 500, type: 'text/plain', body: `${error instanceof Error ? error.message : String(error)}\n` };
}

async function answer(path: string, { livez, readyz, metrics }: Probes): Promise<Answer> {
  if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.text() };
  const probe = { '/livez': livez, '/readyz': readyz }[path];
  if (!probe) return { status: 404, type: 'text/plain', body: 'not found; try /livez, /readyz, /metrics\n' };
  const { ok, message } = probe();
  return { status: ok ? 200 : 503, type: 'text/plain', body: `${message}\n` };
}
