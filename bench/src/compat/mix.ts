/** What the n-th job of a producer is like; `producer.py` has the same. */
export function optionsOf(n: number): {
  runMs: number;
  failTimes: number;
  attempts: number;
  delay?: number;
  priority?: number;
} {
  return {
    runMs: 10 + (n % 7) * 20,
    failTimes: n % 11 === 0 ? 1 : 0,
    attempts: 3,
    ...(n % 5 === 1 && { delay: 500 }),
    ...(n % 5 === 2 && { priority: 1 + (n % 3) }),
  };
}
