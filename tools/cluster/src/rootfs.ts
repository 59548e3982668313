import { chmodSync, copyFileSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './command.ts';

/** A program of this machine and where it goes in the image. */
export interface ProgramFile {
  from: string;
  to: string;
}

/** Writes a root filesystem of `programs` and the libraries they load, with users, certificates and time zones. */
export async function writeRootfs(folder: string, programs: ProgramFile[]): Promise<void> {
  const copy = (from: string, to: string): void => copyInto(folder, from, to);
  for (const { from, to } of programs) {
    copy(from, to);
    chmodSync(join(folder, to), 0o755);
    await copyLibraries(folder, from);
  }
  mkdirSync(join(folder, 'etc'), { recursive: true });
  writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/:/\nnonroot:x:65532:65532::/home/nonroot:/\n');
  writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  const certificates = '/etc/ssl/certs/ca-certificates.crt';
  if (existsSync(certificates)) copy(certificates, certificates);
  for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York']) {
    if (existsSync(join('/usr/share/zoneinfo', zone)))
      copy(`/usr/share/zoneinfo/${zone}`, `/usr/share/zoneinfo/${zone}`);
  }
  for (const each of ['tmp', 'data']) {
    mkdirSync(join(folder, each), { recursive: true });
    chmodSync(join(folder, each), 0o1777);
  }
}

/** Copies what `program` loads to where it looks for it. */
export async function copyLibraries(folder: string, program: string): Promise<void> {
  for (const library of await libraries(program)) {
    if (!existsSync(join(folder, library))) copyInto(folder, library, library);
  }
}

function copyInto(folder: string, from: string, to: string): void {
  mkdirSync(dirname(join(folder, to)), { recursive: true });
  copyFileSync(realpathSync(from), join(folder, to));
}

/** Paths of the shared libraries of a program, the loader among them; none for a static one. */
export async function libraries(program: string): Promise<string[]> {
  const output = await run('ldd', [program]).catch((error: Error) => {
    if (/not a dynamic executable|statically linked/.test(error.message)) return '';
    throw error;
  });
  return [...output.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
}
