// Goes into every controller of `make dev` before its own code (node --import).
import { resolveServicesTo } from './service-names.ts';

const { DEV_SERVICE_ADDRESS } = process.env;
if (DEV_SERVICE_ADDRESS) resolveServicesTo(DEV_SERVICE_ADDRESS);

// The process that restarts this one on a change holds the other end: when it is gone, nothing would end this one.
if (process.connected) process.on('disconnect', () => process.exit(1));
