import { type } from 'arktype';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkHandler } from './check-handler.ts';
import { handle, type Handler } from './handler.ts';

const run: Handler = () => Promise.resolve();
/** As plain JavaScript calls it. */
const untyped = handle as unknown as (...args: unknown[]) => unknown;

describe('what runs the jobs of a queue', () => {
  it.each([
    ['nothing', undefined, 'it is undefined, as what modules that import each other'],
    ['null', null, 'it is null'],
    ['another name for run', { handler: run }, 'it has no run, but handler'],
    ['a module', { default: run }, 'it has no run, but default (a module; give its default)'],
    ['an empty object', {}, 'it has no run, but nothing'],
    ['a promise', Promise.resolve(run), 'it is a promise; await it first'],
    ['a number', 5, 'it is 5'],
    ['a schema alone', type('string'), 'it is a schema'],
    ['handle, the wrong way round', untyped(run, z.string()), 'its run is no function'],
    ['handle, the wrong way round, with a schema that is a function', untyped(run, type('string')), 'its run is'],
    ['handle without a function', untyped(z.string()), 'it has no run, but schema'],
    ['a schema that is none', { run, schema: {} }, 'its schema is no Standard Schema'],
    ['a function beside an option', { run, limiter: {} }, "limiter of it is not read; options of BullMQ's Worker go"],
    ['a function with options misspelt', { run, option: {} }, 'option of it is not read'],
    ['a file and a function', { file: './file.js', run }, 'it has a file and a run'],
    ['a file that is none', { file: 5 }, 'its file is neither a path nor a URL'],
  ])('is no handler when it is %s, and that is said with the queue', (_, given, why) => {
    expect(() => checkHandler('emails', given)).toThrow(`the handler of queue emails is none: ${why}`);
  });

  it.each([
    ['a function', run],
    ['a function with options', { run, options: { drainDelay: 1 } }],
    ['handle', handle(z.string(), run)],
    ['handle with a schema that is a function', handle(type('string'), run)],
    ['a path', './file.js'],
    ['a URL', new URL('file:///file.js')],
    ['a file with a schema', { file: './file.js', schema: z.string() }],
    ['a function whose options are absent', { run, file: undefined, schema: undefined, options: undefined }],
  ])('may be %s', (_, given) => {
    expect(() => checkHandler('emails', given)).not.toThrow();
  });
});
