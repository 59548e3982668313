// Loaded with `node --import`: what the program imports as `bullmq` is what BULLMQ_PROJECT has as BULLMQ_NAME, and what
// it imports as `ioredis` is the copy that this BullMQ uses, as in a project that has them.
import { createRequire, registerHooks } from 'node:module';
import { sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const { BULLMQ_PROJECT = '', BULLMQ_NAME = '' } = process.env;
const project = pathToFileURL(`${BULLMQ_PROJECT}${sep}`);
const bullmq = pathToFileURL(createRequire(project).resolve(BULLMQ_NAME)).href;
/** Vitest names what it does not transform by its path, so that it is found by where it is, not by what it is called. */
const ours = /\/node_modules\/(bullmq|ioredis)\/(?!.*\/node_modules\/)/;

registerHooks({
  resolve: (specifier, context, next) => {
    const resolved = next(specifier, context);
    const [, name] = ours.exec(resolved.url) ?? [];
    const isWithin = name !== undefined && ours.exec(context.parentURL ?? '')?.[1] === name;
    if (name === undefined || isWithin || resolved.url.startsWith(project.href)) return resolved;
    const [, path = ''] = /^(?:bullmq|ioredis)(\/.*)$/.exec(specifier) ?? [];
    const wanted = name === 'bullmq' ? `${BULLMQ_NAME}${path}` : `ioredis${path}`;
    const from = name === 'bullmq' ? project.href : bullmq;
    // a file of the package is asked for by `require`, which looks from where it is called, whatever the parent is said to be
    if (path !== '') return { url: pathToFileURL(createRequire(from).resolve(wanted)).href, shortCircuit: true };
    return next(wanted, { ...context, parentURL: from });
  },
});
