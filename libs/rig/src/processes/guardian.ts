import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Reads `guard PID STARTTIME` and `remove FOLDER` lines. When its standard input closes, which the kernel does however
 * this process ends, it kills the guarded processes and removes the folders. A pid is killed only while its start time
 * is the one we noted: pids are used again.
 */
const SCRIPT = `
trap '' INT TERM HUP
pids=; folders=
while read -r what a b; do
  case $what in
    guard) pids="$pids $a:$b" ;;
    remove) folders="$folders $a" ;;
  esac
done
for entry in $pids; do
  stat=$(cat "/proc/\${entry%:*}/stat" 2>/dev/null) || continue
  set -- \${stat##*) }
  [ "\${20}" = "\${entry#*:}" ] && kill -9 "\${entry%:*}" 2>/dev/null
done
for folder in $folders; do
  case $folder in */redis-queue-*) rm -rf -- "$folder" ;; esac
done
`;

let guardian: ChildProcess | undefined;

function send(line: string): void {
  if (!guardian) {
    // A process group of its own, so that Ctrl-C in a terminal does not end it together with those it guards.
    guardian = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
    guardian.unref();
    (guardian.stdin as unknown as { unref(): void }).unref();
    guardian.stdin?.on('error', () => undefined);
  }
  guardian.stdin?.write(`${line}\n`);
}

/** Has `pid` killed when this process ends, also when it is killed itself. */
export function killWithThisProcess(pid: number): void {
  const startTime = processStartTime(pid);
  if (startTime) send(`guard ${pid} ${startTime}`);
}

/** Has `folder`, one made by `temporaryFolder`, removed when this process ends, also when it is killed. */
export function removeWithThisProcess(folder: string): void {
  send(`remove ${folder}`);
}

/**
 * When the process started, in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it identifies a
 * process for good. Undefined when there is no such process, or only a zombie is left of it.
 */
export function processStartTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
