import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints `N passed, N failed, N skipped` as the last line of a run; a file that could not be loaded counts as failed.
 * `PECO_TEST_COUNTS=FILE` has the counts written there as JSON, for `./peco test`.
 */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      if (module.state() === "failed" && module.children.size === 0) count.failed++;
      for (const test of module.children.allTests()) count[test.result().state]++;
    }
    const counts = { passed: count.passed, failed: count.failed + count.pending, skipped: count.skipped };
    const file = process.env["PECO_TEST_COUNTS"];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
    else process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  }
}
