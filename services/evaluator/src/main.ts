import { serveOrRun } from "@peco/stage";
import { evaluateStage } from "./evaluate.ts";

await serveOrRun({ name: "evaluator", stages: { evaluate: evaluateStage } });
