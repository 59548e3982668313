import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

type Values<T extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: T }>>['values'];

/** A bench's flags as given or by default; `--help` prints `help` and ends. Unknown flags are an error. */
export function readArguments<const T extends ParseArgsOptionsConfig>(help: string, options: T): Values<T> {
  const { values } = parseArgs({ options: { ...options, help: { type: 'boolean' } } });
  if ('help' in values) {
    console.log(help);
    process.exit(0);
  }
  return values;
}
