import { defineConfig } from "vitest/config";

/** Slow tests carry their group in the file name (`x.faults.test.ts`) and run only when the group is asked for. */
const groups = ["conformance", "pipeline", "faults", "package", "browser"];
const group = process.env["PECO_TEST_GROUP"];
const pattern = (middle: string) => `{libs,services,tools}/*/{src,test}/**/*${middle}.test.ts`;

export default defineConfig({
  test: {
    include: group === undefined || group === "all" ? [pattern("")] : [pattern(`.${group}`)],
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      ...(group === undefined ? groups.map((g) => `**/*.${g}.test.ts`) : []),
    ],
    reporters: ["default", "./tools/workspace/src/plain-reporter.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
