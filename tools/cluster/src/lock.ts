import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Print } from './progress.ts';

/**
 * Runs `work` while holding an exclusive lock on `file` against other processes. `flock` holds it in a child that ends
 * when its standard input closes, so a crash of this process frees it.
 */
export async function withLock<T>(file: string, print: Print, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(file), { recursive: true });
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const sayWaiting = (): void => print(`  … waiting for another process that holds ${file}`);
  const first = setTimeout(sayWaiting, 2_000);
  const repeated = setInterval(sayWaiting, 15_000);
  const stopWaiting = (): void => {
    clearTimeout(first);
    clearInterval(repeated);
  };
  try {
    const lines = createInterface({ input: holder.stdout });
    await Promise.race([
      once(lines, 'line'),
      once(holder, 'close').then(() => Promise.reject(new Error(`cannot lock ${file}: flock ended`))),
    ]);
    stopWaiting();
    return await work();
  } finally {
    stopWaiting();
    holder.stdin.end();
  }
}
