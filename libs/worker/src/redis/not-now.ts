import type { Redis } from 'ioredis';

/**
 * What a server says that takes the same command a little later, having done nothing: too few replicas are in sight, as
 * right after a failover; its disk is full; it loads its data, or has lost its primary; a script runs; a slot moves.
 */
const NOT_NOW = /\b(?:NOREPLICAS|MISCONF|LOADING|MASTERDOWN|BUSY|TRYAGAIN|CLUSTERDOWN)\b/;

/**
 * Makes such a reply an error of the connection to BullMQ, which then writes the end of a job again until it is recorded
 * (it knows such errors by their code); any other would leave the job to run a second time.
 */
export function retryWhatIsRefusedForNow(redis: Redis): Redis {
  const send = redis.sendCommand.bind(redis);
  redis.sendCommand = (command, stream) => {
    const { reject } = command;
    command.reject = (error) => reject.call(command, isNotNow(error) ? asOfConnection(error) : error);
    return send(command, stream);
  };
  return redis;
}

function isNotNow(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError' && NOT_NOW.test(error.message);
}

function asOfConnection(error: Error): Error {
  return Object.assign(error, { code: 'ECONNREFUSED' });
}
