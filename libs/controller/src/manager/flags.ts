import { parseArgs } from 'node:util';

/** A flag of the app's own; `--help` shows `help` and the default. */
export interface AppFlag {
  default: string;
  help: string;
  /** Shown for the value in --help; default `VALUE`. */
  placeholder?: string;
}

export type CommonFlag =
  'namespace-scope' | 'kubeconfig' | 'http-port' | 'leader-elect' | 'lease-namespace' | 'log-level';

/** Bad usage: the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export function commonFlags(env: NodeJS.ProcessEnv): Record<CommonFlag, AppFlag> {
  return {
    'namespace-scope': {
      default: '',
      help: 'Namespace whose objects are looked after; empty for all.',
      placeholder: 'NAMESPACE',
    },
    kubeconfig: {
      default: '',
      help: 'File to find the API server with; empty for KUBECONFIG, or the own ServiceAccount.',
      placeholder: 'FILE',
    },
    'http-port': { default: '8080', help: 'Port of /healthz, /readyz and /metrics; 0 for any.', placeholder: 'PORT' },
    'leader-elect': {
      default: 'true',
      help: 'Whether replicas agree on one that acts; false only for a single replica.',
      placeholder: 'true|false',
    },
    'lease-namespace': {
      default: env.POD_NAMESPACE || 'default',
      help: 'Namespace of the Lease by which they agree.',
      placeholder: 'NAMESPACE',
    },
    'log-level': { default: 'info', help: `Least level to log: ${LEVELS.join(', ')}.`, placeholder: 'LEVEL' },
  };
}

/**
 * The values of `flags` in `argv`, defaults filled in; `help` when --help is among them.
 * @throws UsageError for unknown flags and bad values of common ones
 */
export function parseFlags<F extends string>(flags: Record<F, AppFlag>, argv: string[]): Record<F, string> | 'help' {
  const names = Object.keys(flags) as F[];
  const options = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]));
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args: argv, options: { ...options, help: { type: 'boolean', short: 'h' } } }));
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\nTry --help.`);
  }
  if (values.help) return 'help';
  const result = {} as Record<F, string>;
  for (const name of names) result[name] = (values[name] as string | undefined) ?? flags[name].default;
  return result;
}

/** The common flags as what they mean. @throws UsageError */
export function readCommonFlags(values: Record<CommonFlag, string>) {
  const port = Number(values['http-port']);
  if (!/^\d+$/.test(values['http-port']) || port > 65_535) {
    throw new UsageError(`--http-port ${values['http-port']}: must be a number from 0 to 65535.`);
  }
  const leaderElect = values['leader-elect'];
  if (leaderElect !== 'true' && leaderElect !== 'false') {
    throw new UsageError(`--leader-elect ${leaderElect}: must be true or false.`);
  }
  if (!LEVELS.includes(values['log-level'])) {
    throw new UsageError(`--log-level ${values['log-level']}: must be one of ${LEVELS.join(', ')}.`);
  }
  return {
    namespace: values['namespace-scope'] || undefined,
    kubeconfigPath: values.kubeconfig || undefined,
    httpPort: port,
    leaderElect: leaderElect === 'true',
    leaseNamespace: values['lease-namespace'],
    logLevel: values['log-level'],
  };
}

/** The text of --help. */
export function usage(name: string, description: string, flags: Record<string, AppFlag>): string {
  const rows = Object.entries(flags).map(([flag, { default: value, help, placeholder = 'VALUE' }]) => ({
    head: `  --${flag} ${placeholder}`,
    text: value === '' ? help : `${help} (default ${value})`,
  }));
  rows.push({ head: '  -h, --help', text: 'Show this and end.' });
  const width = Math.max(...rows.map(({ head }) => head.length)) + 2;
  return [`${name}: ${description}`, '', ...rows.map(({ head, text }) => head.padEnd(width) + text), ''].join('\n');
}
