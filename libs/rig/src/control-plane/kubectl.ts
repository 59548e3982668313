import { execFile } from 'node:child_process';
import { program } from '../programs/binaries.ts';

/** Runs kubectl against the cluster of `kubeconfigPath`, whatever KUBECONFIG says, and returns its standard output. */
export function kubectl(kubeconfigPath: string, args: string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = ['kubectl', `--kubeconfig=${kubeconfigPath}`, ...args];
    // A proxy of the environment must not come between us and a cluster on this machine.
    const options = { maxBuffer: 256 * 1024 * 1024, env: { ...process.env, NO_PROXY: '*' } };
    const child = execFile(program('kube'), command, options, (error, stdout, stderr) => {
      if (error) reject(new Error(`kubectl ${args.join(' ')}: ${stderr.trim() || error.message}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
