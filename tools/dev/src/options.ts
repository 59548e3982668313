import { parseArgs } from 'node:util';
import type { AppName } from '@redis-queue/api';

export interface Options {
  /** Context of the user's kubeconfig; undefined for a cluster of processes on this machine. */
  context: string | undefined;
  /** Controllers to start. */
  controllers: AppName[];
  inspect: boolean;
  logLevel: string;
}

/** Parses the command line. @throws for an option or a controller that does not exist. */
export function parseOptions(argv: string[], controllers: readonly AppName[]): Options | 'help' {
  const { values } = parseArgs({
    args: argv,
    options: {
      'kube-context': { type: 'string' },
      only: { type: 'string', multiple: true },
      inspect: { type: 'boolean', default: false },
      'log-level': { type: 'string', default: 'info' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const chosen = values.only?.flatMap((names) => names.split(','));
  const unknown = chosen?.find((name) => !(controllers as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: one of ${controllers.join(', ')}`);
  return {
    context: values['kube-context'] || undefined,
    controllers: controllers.filter((name) => chosen?.includes(name) ?? true),
    inspect: values.inspect,
    logLevel: values['log-level'],
  };
}

/** The text of --help. */
export function help(controllers: readonly string[]): string {
  return `make dev: the controllers from source against a real cluster, restarted on every change.

The cluster "dev" of processes on this machine (reused if it runs), Redis in it, the definitions of crds/ (applied again when
they change), the examples, and ${controllers.join(', ')} on this host under node --watch.
The logs of all, worker pods included, are one stream. Ctrl-C ends what was started; the cluster stays, until: make down

  --only NAME[,NAME]      start only these controllers
  --inspect               open a debugger port for each: 9229, 9230, 9231, in the order above; no leader election
  --log-level LEVEL       trace, debug, info (default), warn, error
  --kube-context NAME     a cluster of yours (make dev KUBE_CONTEXT=NAME), in the namespace redis-queue-dev
  --help                  this text

  make jobs COUNT=200     adds jobs to the example's queue meanwhile
`;
}
