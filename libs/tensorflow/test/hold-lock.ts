// A program of its own for the tests of locks: takes the lock in argv[2], leaves a file in its work folder, says so and hangs.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { withLock } from "../src/library/lock.ts";

await withLock(process.argv[2] ?? "", async (work) => {
  writeFileSync(join(work, "leftover"), "");
  process.stdout.write("held\n");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
});
