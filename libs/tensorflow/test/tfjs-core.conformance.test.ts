import { expect, it } from "vitest";
import { leftOut } from "./conformance/left-out.ts";
import { bundleSpecs, runSpecs } from "./conformance/run.ts";

const backend = new URL("../src/index.ts", import.meta.url).pathname;

it("passes tfjs-core's published specs", { timeout: 240_000 }, async () => {
  const names = leftOut.flatMap(({ specs }) => specs);
  const outcome = await runSpecs(await bundleSpecs(backend), { shards: 2, leftOut: names });
  const [passed, failed, pending, left] = [outcome.passed, outcome.failed, outcome.pending, outcome.leftOut];
  const counts = `${passed.length} passed, ${failed.length} failed, ${left.length} left out, ${pending.length} pending in tfjs-core`;
  const reasons = leftOut.map(({ reason, specs }) => {
    const count = left.filter((name) => specs.some((part) => name.includes(part))).length;
    return `  left out ${count}: ${reason}`;
  });
  console.log(["tfjs-core's specs:", `  ${counts}`, ...reasons].join("\n"));
  expect(failed.map(({ name, reasons }) => `${name}: ${reasons.join("\n")}`)).toEqual([]);
  // tfjs-core 4.22.0 has this many; fewer means that some were dropped on the way.
  expect(passed.length + left.length + pending.length).toBe(4230);
  expect(names.filter((part) => !left.some((name) => name.includes(part)))).toEqual([]);
});
