import { globSync, readFileSync } from "node:fs";

const trainer = ["tfjs-libtensorflow", "@peco/nn", "@peco/models", "@peco/metrics", "@peco/training"];
const stage = [
  "@peco/artifacts",
  "@peco/data",
  "@peco/proto",
  "@peco/random",
  "@peco/recipes",
  "@peco/rpc",
  "@peco/stage",
  "@peco/telemetry",
];

/** What each package may list in `dependencies`: the table of docs/architecture.md. `tools/*` may use all. */
const may: Record<string, readonly string[]> = {
  "tfjs-libtensorflow": [],
  "@peco/random": [],
  "@peco/nn": ["tfjs-libtensorflow"],
  "@peco/models": ["tfjs-libtensorflow", "@peco/nn"],
  "@peco/masking": ["@peco/random"],
  "@peco/data": ["@peco/random", "@peco/masking"],
  "@peco/metrics": [],
  "@peco/recipes": [],
  "@peco/artifacts": [],
  "@peco/proto": [],
  "@peco/telemetry": [],
  "@peco/rpc": ["@peco/proto", "@peco/telemetry"],
  "@peco/stage": ["@peco/artifacts", "@peco/proto", "@peco/recipes", "@peco/rpc", "@peco/telemetry"],
  "@peco/training": [
    "tfjs-libtensorflow",
    "@peco/random",
    "@peco/nn",
    "@peco/models",
    "@peco/data",
    "@peco/artifacts",
    "@peco/recipes",
    "@peco/stage",
    "@peco/telemetry",
  ],
  "@peco/report": ["@peco/artifacts", "@peco/recipes"],
  "@peco/masking-service": ["@peco/masking", ...stage],
  "@peco/tokenizer-service": [...trainer, ...stage],
  "@peco/pretrainer-service": [...trainer, ...stage],
  "@peco/finetuner-service": [...trainer, ...stage],
  "@peco/evaluator-service": [...trainer, ...stage, "@peco/masking", "@peco/report"],
};

/** Every dependency among our own packages that the table does not allow, one sentence each. */
export function layerViolations(root: string): string[] {
  const ours = new Set(Object.keys(may));
  return globSync("{libs,services}/*/package.json", { cwd: root }).flatMap((file) => {
    const pkg = JSON.parse(readFileSync(`${root}/${file}`, "utf8")) as {
      name: string;
      dependencies?: Record<string, string>;
    };
    const allowed = may[pkg.name];
    if (allowed === undefined) return [`${file}: ${pkg.name} is not in the table of tools/workspace/src/layers.ts`];
    return Object.keys(pkg.dependencies ?? {})
      .filter((name) => ours.has(name) && !allowed.includes(name))
      .map((name) => `${file}: ${pkg.name} may not depend on ${name}`);
  });
}

if (import.meta.main) {
  const violations = layerViolations(`${import.meta.dirname}/../../..`);
  for (const line of violations) console.error(line);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
