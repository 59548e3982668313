import { parseArgs } from 'node:util';

/** A flag of the app's own; `--help` shows `help` and the default. `V` is what its text means. */
export interface AppFlag<V = string> {
  default: string;
  help: string;
  /** Shown for the value in --help; default `VALUE`. */
  placeholder?: string;
  /**
   * What the text means; absent: itself.
   * @throws Error that says what the text must be; the flag is named by the caller
   */
  parse?(text: string): V;
}

// oxlint-disable-next-line typescript/no-explicit-any -- each flag has a type of its own
export type AppFlags = Record<string, AppFlag<any>>;

/** What the flags mean, by their names. */
export type FlagValues<F extends AppFlags> = {
  [N in keyof F]: F[N] extends { parse(text: string): infer V } ? V : string;
};

/** A flag that is a whole number within bounds. */
export function numberFlag(flag: AppFlag, { min, max }: { min: number; max: number }): Required<AppFlag<number>> {
  return {
    placeholder: 'N',
    ...flag,
    parse(text) {
      const value = Number(text);
      if (!/^\d+$/.test(text) || value < min || value > max) throw new Error(`must be a number from ${min} to ${max}`);
      return value;
    },
  };
}

const UNIT_MS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A flag that is a duration, such as 500ms, 10s, 5m or 1h, within bounds that are such texts too. Its value is in ms. */
export function durationFlag(flag: AppFlag, { min, max }: { min: string; max: string }): Required<AppFlag<number>> {
  return {
    placeholder: 'DURATION',
    ...flag,
    parse(text) {
      const ms = readDuration(text);
      if (ms !== undefined && ms >= readDuration(min)! && ms <= readDuration(max)!) return ms;
      throw new Error(`must be a duration from ${min} to ${max}, such as 500ms, 10s or 5m`);
    },
  };
}

function readDuration(text: string): number | undefined {
  const [, digits, unit] = /^([0-9]{1,9})(ms|[smh])$/.exec(text) ?? [];
  return digits === undefined || unit === undefined ? undefined : Number(digits) * UNIT_MS[unit]!;
}

/** A namespace alone gets a third of it: eight. */
export const DEFAULT_CONCURRENCY = 24;

/**
 * How many objects a controller reconciles at once. A namespace alone gets a third of them.
 *
 * @param what `queues`, `pools`, …
 */
export function concurrencyFlag(what: string, byDefault = DEFAULT_CONCURRENCY): Required<AppFlag<number>> {
  const help = `How many ${what} are reconciled at once, at most a third of them in one namespace.`;
  return numberFlag({ default: String(byDefault), help }, { min: 1, max: 1_000 });
}

/** Bad usage: the message is for the person who typed it. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** @param name of the app. */
export function commonFlags(name: string, env: NodeJS.ProcessEnv) {
  return {
    'namespace-scope': {
      default: '',
      help: 'Namespaces whose objects are managed, comma-separated; empty for all.',
      placeholder: 'NAMESPACES',
      parse: parseNamespaces,
    },
    kubeconfig: {
      default: '',
      help: 'Kubeconfig of the API server; empty for KUBECONFIG, or the ServiceAccount of the pod.',
      placeholder: 'FILE',
    },
    'http-port': numberFlag(
      { default: '8080', help: 'Port of /healthz, /readyz and /metrics; 0 for any.', placeholder: 'PORT' },
      { min: 0, max: 65_535 },
    ),
    'leader-elect': {
      default: 'true',
      help: 'Whether replicas elect a leader, which alone acts; false only for a single replica.',
      placeholder: 'true|false',
      parse: (text: string) => oneOf(text, ['true', 'false']) === 'true',
    },
    'lease-namespace': {
      default: env.POD_NAMESPACE || 'default',
      help: 'Namespace of the Lease for leader election.',
      placeholder: 'NAMESPACE',
    },
    'lease-name': {
      default: name,
      help: 'Name of that Lease: one for each release, since two with other namespaces to look at must not share one.',
      placeholder: 'NAME',
      parse: parseObjectName,
    },
    'log-level': {
      default: 'info',
      help: `Lowest level to log: ${LEVELS.join(', ')}.`,
      placeholder: 'LEVEL',
      parse: (text: string) => oneOf(text, LEVELS),
    },
  };
}

function parseObjectName(text: string): string {
  if (!LEGAL_NAME.test(text)) throw new Error('must be a name that an object can have');
  return text;
}

/** A name that the API server allows for most objects (RFC 1123 subdomain). */
const LEGAL_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

/** A name that the API server allows for a namespace (RFC 1123 label). */
const LEGAL_NAMESPACE = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** @returns undefined for all namespaces */
function parseNamespaces(list: string): string[] | undefined {
  const names = list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const illegal = names.find((name) => !LEGAL_NAMESPACE.test(name));
  if (illegal !== undefined) throw new Error(`must be names of namespaces, and none can be named "${illegal}"`);
  return names.length > 0 ? [...new Set(names)] : undefined;
}

export function oneOf(text: string, allowed: readonly string[]): string {
  if (!allowed.includes(text)) throw new Error(`must be one of ${allowed.join(', ')}`);
  return text;
}

/**
 * The values of `flags` in `argv`, defaults filled in; `help` when --help is among them.
 * @throws UsageError for unknown flags and bad values
 */
export function parseFlags<F extends AppFlags>(flags: F, argv: string[]): FlagValues<F> | 'help' {
  const options = Object.fromEntries(Object.keys(flags).map((name) => [name, { type: 'string' as const }]));
  let values: Record<string, unknown>;
  try {
    ({ values } = parseArgs({ args: argv, options: { ...options, help: { type: 'boolean', short: 'h' } } }));
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\nTry --help.`);
  }
  if (values.help) return 'help';
  const meant = Object.entries(flags).map(([name, flag]) => [name, meaning(name, flag, values[name])]);
  return Object.fromEntries(meant) as FlagValues<F>;
}

function meaning(name: string, flag: AppFlag<unknown>, given: unknown): unknown {
  const text = typeof given === 'string' ? given : flag.default;
  if (!flag.parse) return text;
  try {
    return flag.parse(text);
  } catch (error) {
    throw new UsageError(`--${name} ${text}: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

/** The common flags as the manager wants them. */
export function readCommonFlags(values: FlagValues<ReturnType<typeof commonFlags>>) {
  return {
    namespaces: values['namespace-scope'],
    kubeconfigPath: values.kubeconfig || undefined,
    httpPort: values['http-port'],
    leaderElect: values['leader-elect'],
    leaseNamespace: values['lease-namespace'],
    leaseName: values['lease-name'],
    logLevel: values['log-level'],
  };
}

/** The text of --help. */
export function usage(name: string, description: string, flags: AppFlags): string {
  const rows = Object.entries(flags).map(([flag, { default: value, help, placeholder = 'VALUE' }]) => ({
    head: `  --${flag} ${placeholder}`,
    text: value === '' ? help : `${help} (default ${value})`,
  }));
  rows.push({ head: '  -h, --help', text: 'Show this help and exit.' });
  const width = Math.max(...rows.map(({ head }) => head.length)) + 2;
  return [`${name}: ${description}`, '', ...rows.map(({ head, text }) => head.padEnd(width) + text), ''].join('\n');
}
