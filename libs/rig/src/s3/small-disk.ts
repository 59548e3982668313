import { startProcess, temporaryFolder } from '../processes/process.ts';

/** A file system in memory that is soon full. */
export interface SmallDisk extends AsyncDisposable {
  /** Of this machine, as any process of this user sees it. */
  readonly folder: string;
}

/**
 * Mounts a file system of `mebibytes`. It needs no root: the mount is in a namespace of its own, which a process that
 * does nothing keeps, and everybody else goes there through /proc.
 */
export async function startSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const folder = temporaryFolder('disk');
  const script = `mount -t tmpfs -o size=${mebibytes}m,mode=700 tmpfs ${folder} && echo mounted && exec sleep infinity`;
  const holder = startProcess('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', script]);
  await holder.waitForLine(/^mounted$/);
  return {
    folder: `/proc/${holder.pid}/root${folder}`,
    [Symbol.asyncDispose]: async () => void (await holder.stop()),
  };
}
