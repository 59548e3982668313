// A worker pod whose clock is set back by five minutes with SIGUSR2.
const now = Date.now.bind(Date);
process.on('SIGUSR2', () => {
  Date.now = () => now() - 300_000;
  process.stdout.write('clock set back\n');
});
await import('./pod.fixture.ts');
