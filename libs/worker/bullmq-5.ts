// Loaded with `node --import`: what the program imports as `bullmq` is BullMQ 5, and what it imports as `ioredis` is the
// copy that BullMQ 5 brings, as in a project that has them. For tests and benches; nothing of it is packed.
import { createRequire, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

const five = pathToFileURL(createRequire(import.meta.url).resolve('bullmq-5')).href;
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'bullmq') return next('bullmq-5', { ...context, parentURL: import.meta.url });
    if (specifier === 'ioredis') return next(specifier, { ...context, parentURL: five });
    return next(specifier, context);
  },
});
