import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { Check } from './types.ts';

export interface HttpServerOptions {
  port: number;
  host?: string;
  registry: Registry;
}

/**
 * /healthz, /readyz and /metrics. A failing check names itself and says why, for whoever investigates a pod that is not
 * ready.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #checks = { health: new Map<string, Check>(), ready: new Map<string, Check>() };
  #server: Server | undefined;

  constructor(options: HttpServerOptions) {
    this.#options = options;
  }

  addHealthCheck(name: string, check: Check): void {
    this.#checks.health.set(name, check);
  }

  addReadyCheck(name: string, check: Check): void {
    this.#checks.ready.set(name, check);
  }

  get port(): number | undefined {
    return (this.#server?.address() as AddressInfo | null | undefined)?.port;
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.writeHead(500).end());
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error) => {
        const { port } = this.#options;
        reject(
          new Error(`Port ${port} cannot be served: ${error.message}; choose another with --http-port.`, {
            cause: error,
          }),
        );
      });
      server.listen(this.#options.port, this.#options.host, resolve);
    });
    // The keep-alive connections of a scraper must not keep the process alive.
    server.unref();
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path === '/healthz') return answerChecks(response, this.#checks.health);
    if (path === '/readyz') return answerChecks(response, this.#checks.ready);
    if (path === '/metrics') {
      const { registry } = this.#options;
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics());
      return;
    }
    response.writeHead(404).end('not found; try /healthz, /readyz, /metrics\n');
  }
}

async function answerChecks(response: ServerResponse, checks: Map<string, Check>): Promise<void> {
  const lines: string[] = [];
  let failed = false;
  for (const [name, check] of checks) {
    const problem = await runCheck(check);
    failed ||= problem !== undefined;
    lines.push(problem === undefined ? `[+] ${name} ok` : `[-] ${name}: ${problem}`);
  }
  response.writeHead(failed ? 503 : 200, { 'content-type': 'text/plain; charset=utf-8' });
  response.end([...lines, failed ? 'failed' : 'ok', ''].join('\n'));
}

async function runCheck(check: Check): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
