import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Cluster } from './cluster.ts';

/** A port of ours that leads to a Service's pod, until closed. */
export interface Forward {
  port: number;
  close: () => void;
}

const READY_MS = 30_000;

/** Forwards a free local port by `kubectl port-forward`: works the same on every cluster. */
export async function forward(
  { kubectl }: Cluster,
  namespace: string,
  target: string,
  remotePort: number,
): Promise<Forward> {
  const child = spawn(
    kubectl.program,
    [...kubectl.args, 'port-forward', '-n', namespace, target, `:${remotePort}`, '--address=127.0.0.1'],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const end = (): void => void child.kill();
  process.once('exit', end);
  const port = await portOf(child, target);
  return {
    port,
    close: () => {
      process.off('exit', end);
      end();
    },
  };
}

async function portOf(child: ChildProcess, target: string): Promise<number> {
  const errors: string[] = [];
  return await new Promise((resolve, reject) => {
    const fail = (why: string): void =>
      reject(new Error(`port-forward to ${target}: ${why} ${errors.join(' ')}`.trim()));
    const timer = setTimeout(() => fail(`not ready after ${READY_MS / 1000} s`), READY_MS);
    createInterface({ input: child.stderr! }).on('line', (line) => errors.push(line));
    // goes on reading: a full pipe would stop kubectl
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const [, port] = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
      if (!port) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      clearTimeout(timer);
      fail(`ended with ${code}`);
    });
  });
}
