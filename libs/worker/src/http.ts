import { createServer, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Health } from './health.ts';

export interface Probes {
  livez: () => Health;
  readyz: () => Health;
  registry: Registry;
}

/** Serves /livez, /readyz and /metrics; resolves once it listens. Port 0 takes any free one. */
export async function serveHttp(port: number, probes: Probes): Promise<Server> {
  const server = createServer((request, response) => {
    void respond(request.url ?? '/', probes, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
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

async function answer(path: string, { livez, readyz, registry }: Probes): Promise<Answer> {
  if (path === '/metrics') return { status: 200, type: registry.contentType, body: await registry.metrics() };
  const probe = { '/livez': livez, '/readyz': readyz }[path];
  if (!probe) return { status: 404, type: 'text/plain', body: 'not here: /livez, /readyz, /metrics\n' };
  const { ok, message } = probe();
  return { status: ok ? 200 : 503, type: 'text/plain', body: `${message}\n` };
}
