import { parseArgs } from 'node:util';
import { bundle } from './src/bundle.ts';

const HELP = `usage: node tools/build/bundle.ts ENTRY [--out FOLDER]

Bundles ENTRY into FOLDER/main.js (default: dist in the current folder), one file with everything it needs.
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { out: { type: 'string', default: 'dist' }, help: { type: 'boolean' } },
});
const [entry] = positionals;
if (values.help || entry === undefined) {
  console.log(HELP);
  process.exitCode = values.help ? 0 : 2;
} else {
  const { file, bytes } = await bundle(entry, values.out);
  console.log(`${file}  ${(bytes / 1024 / 1024).toFixed(1)} MiB`);
}
