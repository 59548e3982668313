import { expect, it } from 'vitest';
import { parseServerMemory } from './server-memory.ts';

const text = (more: string): string => `# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\n${more}`;

it('is what Redis uses and may use; without a limit, or where none is told, there is none', () => {
  expect(parseServerMemory(text('maxmemory:4194304\r\nmaxmemory_human:4.00M\r\n'))).toEqual({
    usedBytes: 1_048_576,
    maxBytes: 4_194_304,
  });
  expect(parseServerMemory(text('maxmemory:0\r\n'))).toEqual({ usedBytes: 1_048_576 });
  expect(parseServerMemory(text(''))).toEqual({ usedBytes: 1_048_576 });
});
