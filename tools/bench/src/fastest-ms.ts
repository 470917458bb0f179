const warmUps = 3;
const leastCalls = 7;
const leastMs = 100;

/**
 * The least that some calls say they took, after a few to warm up: of at least seven calls and a tenth of a second. It is for limits: what
 * else the machine does can only make a call longer.
 */
export async function fastestMs(call: () => Promise<number>): Promise<number> {
  for (let i = 0; i < warmUps; i++) await call();
  let fastest = Number.POSITIVE_INFINITY;
  const until = performance.now() + leastMs;
  for (let calls = 0; calls < leastCalls || performance.now() < until; calls++)
    fastest = Math.min(fastest, await call());
  return fastest;
}
