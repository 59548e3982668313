// A registry for `npm install` in tests: what this workspace has installed, on loopback. So npm itself decides where each
// package goes, as it does for a user, and no test needs the network.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Installed {
  name: string;
  version: string;
  folder: string;
}

export interface Registry extends AsyncDisposable {
  url: string;
}

/** Serves every package that the lock of `workspace` has and that is installed, in each of its versions. */
export async function startRegistry(workspace: string): Promise<Registry> {
  const packages = installedIn(workspace);
  const server = createServer(({ url = '/' }, response) => {
    const path = decodeURIComponent(url.slice(1));
    const [name = '', version] = path.endsWith('.tgz') ? path.slice(0, -'.tgz'.length).split('/-/') : [path];
    const found = packages.filter((each) => each.name === name && (version === undefined || each.version === version));
    if (found.length === 0) response.writeHead(404).end();
    else if (version !== undefined) sendTarball(found[0]!, response);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(packument(found, origin())));
  });
  const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: origin(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function installedIn(workspace: string): Installed[] {
  const lock = JSON.parse(readFileSync(join(workspace, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { name?: string; version?: string; link?: boolean }>;
  };
  return Object.entries(lock.packages).flatMap(([path, { name, version, link }]) => {
    const [, last] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path) ?? [];
    const folder = join(workspace, path);
    if (last === undefined || version === undefined || link || !existsSync(folder)) return [];
    return [{ name: name ?? last, version, folder }];
  });
}

function packument(versions: Installed[], origin: string): object {
  const latest = versions.reduce((a, b) => (parts(a.version) < parts(b.version) ? b : a));
  return {
    name: latest.name,
    'dist-tags': { latest: latest.version },
    versions: Object.fromEntries(versions.map((each) => [each.version, manifest(each, origin)])),
  };
}

/** Comparable as text. */
function parts(version: string): string {
  return version.replaceAll(/\d+/g, (digits) => digits.padStart(6, '0'));
}

function manifest({ name, version, folder }: Installed, origin: string): object {
  const { scripts: _, ...own } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { scripts?: object };
  return { ...own, dist: { tarball: `${origin}/${name}/-/${version}.tgz` } };
}

function sendTarball({ folder }: Installed, response: ServerResponse): void {
  const args = ['-cf', '-', '-C', folder, '--exclude=./node_modules', '--transform=s,^\\.,package,', '.'];
  spawn('tar', args, { stdio: ['ignore', 'pipe', 'inherit'] }).stdout.pipe(response);
}
