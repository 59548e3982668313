import { cpSync, globSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { PYTHON, pythonPackages } from '@redis-queue/rig';
import { run } from './command.ts';
import { copyLibraries, writeRootfs } from './rootfs.ts';

/** Parts of the standard library that no server needs; half of its size. */
const LEFT_OUT = new Set([
  'test',
  'lib2to3',
  'idlelib',
  'turtledemo',
  'tkinter',
  'ensurepip',
  'pydoc_data',
  'unittest',
]);
const LEFT_OUT_MODULES = /^(_test|_curses|_dbm|_sqlite3|_tkinter|nis|ossaudiodev|readline|xxlimited)|^config-/;

export interface PythonApp {
  /** Folder with worker.py, pod/ and requirements.txt. */
  folder: string;
}

/** Writes a root filesystem of this machine's Python, the packages that the app names, and the app in /app. */
export async function writePythonRootfs(rootfs: string, { folder }: PythonApp): Promise<void> {
  await writeRootfs(rootfs, [{ from: PYTHON, to: '/usr/bin/python3' }]);
  const ask = 'import sysconfig; print(sysconfig.get_path("stdlib"))';
  const library = (await run(PYTHON, ['-c', ask])).trim();
  // with their times: byte code of an older or newer source would be compiled again at every start
  const keepTimes = { recursive: true, dereference: true, preserveTimestamps: true };
  cpSync(library, join(rootfs, library), {
    ...keepTimes,
    filter: (path) => !LEFT_OUT.has(basename(path)) && !LEFT_OUT_MODULES.test(basename(path)),
  });
  const packages = await pythonPackages(join(folder, 'requirements.txt'));
  cpSync(packages, join(rootfs, 'packages'), {
    ...keepTimes,
    filter: (path) => basename(path) !== 'node_modules',
  });
  for (const module of globSync(['**/lib-dynload/*.so', 'packages/**/*.so'], { cwd: rootfs })) {
    await copyLibraries(rootfs, join(rootfs, module));
  }
  for (const file of pythonAppFiles(folder)) {
    const to = join(rootfs, 'app', file.slice(folder.length));
    mkdirSync(dirname(to), { recursive: true });
    cpSync(file, to, keepTimes);
  }
}

/** The files of an app that go into its image. */
export function pythonAppFiles(folder: string): string[] {
  return [join(folder, 'worker.py'), ...globSync(join(folder, 'pod/*.py')).toSorted()];
}
