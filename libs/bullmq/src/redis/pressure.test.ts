import { expect, it } from 'vitest';
import { parseServerPressure } from './pressure.ts';

const CPU = 'used_cpu_sys_main_thread:0.5\r\nused_cpu_user_main_thread:1.25\r\n';

it('gives the share of the memory that is used, and the processor time of the thread that runs commands', () => {
  const info = `# Memory\r\nused_memory:950\r\nused_memory_rss:4000\r\nmaxmemory:1000\r\nmaxmemory_policy:noeviction\r\n# CPU\r\n${CPU}`;
  expect(parseServerPressure(info)).toEqual({ memory: 0.95, commandCpuMs: 1_750 });
});

it('gives how long read-only scripts ran, without the others', () => {
  const stats = [
    'cmdstat_evalsha_ro:calls=3,usec=4500,usec_per_call=1500.00,rejected_calls=0,failed_calls=0',
    'cmdstat_eval_ro:calls=1,usec=500,usec_per_call=500.00,rejected_calls=0,failed_calls=0',
    'cmdstat_evalsha:calls=9,usec=90000,usec_per_call=10000.00,rejected_calls=0,failed_calls=0',
  ];
  expect(parseServerPressure(stats.join('\r\n'))).toEqual({ readScriptMs: 5 });
});

it('gives how many clients are connected, of as many as the server takes', () => {
  expect(parseServerPressure('connected_clients:7\r\ncluster_connections:0\r\nmaxclients:10000\r\n')).toEqual({
    clients: { connected: 7, max: 10_000 },
  });
  expect(parseServerPressure('connected_clients:7\r\nmaxclients:0\r\n')).toEqual({});
});

it('gives no share of a memory without a limit, and nothing that the server does not report', () => {
  expect(parseServerPressure(`used_memory:950\r\nmaxmemory:0\r\n${CPU}`)).toEqual({ commandCpuMs: 1_750 });
  expect(parseServerPressure('used_memory:950\r\n')).toEqual({});
});

// Walls 1 and 3: what answers may be no Redis, and a figure that is no number would spread to all that is compared with it.
it.each(['1.2.3', '9'.repeat(400), '.', 'abc'])('%s is no figure', (text) => {
  const info = `used_memory:${text}\r\nmaxmemory:${text}\r\nused_cpu_user_main_thread:${text}\r\nused_cpu_sys_main_thread:1\r\n`;
  expect(parseServerPressure(info)).toEqual({});
});

it.each([null, 5, [['used_memory:1']], undefined])('%o instead of a text is an error', (info) => {
  expect(() => parseServerPressure(info)).toThrow('unexpected reply: INFO is no text');
});
