// Goes into every controller of `make dev` before its own code (node --import).
import { resolveServicesTo } from './service-names.ts';

const { DEV_SERVICE_ADDRESS } = process.env;
if (DEV_SERVICE_ADDRESS) resolveServicesTo(DEV_SERVICE_ADDRESS);

// Who restarts this process on change holds the other end: when it is gone, nobody would end this one.
if (process.connected) process.on('disconnect', () => process.exit(1));
