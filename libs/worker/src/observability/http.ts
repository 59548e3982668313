import { createServer, type Server, type ServerResponse } from 'node:http';
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

/**
 * The metrics of the pod, with the user's after them.
 *
 * @throws Error when a name is in both, which no scraper could read.
 */
export function expositionOf(own: Registry, users?: Registry): Exposition {
  const { contentType } = own;
  if (!users) return { contentType, text: () => own.metrics() };
  const names = new Set(own.getMetricsAsArray().map(({ name }) => name));
  const twice = users.getMetricsAsArray().flatMap(({ name }) => (names.has(name) ? [name] : []));
  if (twice.length > 0) {
    throw new Error(
      `the registry given to runWorkers holds metrics that the pod has by itself: ${twice.slice(0, 5).join(', ')}; leave out collectDefaultMetrics, or rename them`,
    );
  }
  return { contentType, text: async () => `${await own.metrics()}\n${await users.metrics()}` };
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
  const { status, type, body } = await answer(path, probes);
  response.writeHead(status, { 'content-type': type });
  response.end(body);
}

async function answer(path: string, { livez, readyz, metrics }: Probes): Promise<Answer> {
  if (path === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.text() };
  const probe = { '/livez': livez, '/readyz': readyz }[path];
  if (!probe) return { status: 404, type: 'text/plain', body: 'not found; try /livez, /readyz, /metrics\n' };
  const { ok, message } = probe();
  return { status: ok ? 200 : 503, type: 'text/plain', body: `${message}\n` };
}
