import { z } from "zod";
import {
  artifactsLineageDocument,
  artifactsLsDocument,
  artifactsShowDocument,
  artifactsVerifyDocument,
} from "./commands/artifacts.ts";
import { benchRuntimeDocument, benchStagesDocument } from "./commands/bench.ts";
import { cleanDocument } from "./commands/clean.ts";
import { dataInspectDocument } from "./commands/data-inspect.ts";
import { dataPackDocument } from "./commands/data-pack.ts";
import { dataVerifyDocument } from "./commands/data-verify.ts";
import { doctorDocument } from "./commands/doctor.ts";
import { evaluateBappsDocument } from "./commands/evaluate-bapps.ts";
import { evaluateRobustnessDocument } from "./commands/evaluate-robustness.ts";
import { exportDocument } from "./commands/export.ts";
import { featuresDocument } from "./commands/features.ts";
import { lintDocument } from "./commands/lint.ts";
import { masksDocument } from "./commands/masks.ts";
import { planDocument, planListDocument } from "./commands/plan.ts";
import { predictDocument } from "./commands/predict.ts";
import { reportDocument } from "./commands/report.ts";
import { reproduceDocument } from "./commands/reproduce.ts";
import { runsCompareDocument, runsLsDocument, runsRmDocument, runsShowDocument } from "./commands/runs.ts";
import { testDocument } from "./commands/test.ts";
import { tokenizerInspectDocument } from "./commands/tokenizer-inspect.ts";
import { dryRunDocument } from "./run/dry-run.ts";
import { runDocument } from "./run/run-answer.ts";
import { studyDocument } from "./study/command.ts";
import { studyCompareDocument } from "./study/compare-validation.ts";
import { studyPlanDocument } from "./study/plan.ts";
import { studyReportDocument } from "./study/report.ts";

/** What any command prints under `--json` when it fails. */
export const errorDocument = z.object({
  error: z.object({
    name: z.string().describe("the kind of failure"),
    message: z.string(),
    exitCode: z.int().describe("the exit code of the command, too; docs/architecture.md has the table"),
    remedy: z.string().describe("what to do; may be empty"),
    path: z.string().describe("the file, or the place in the recipe; empty where there is none"),
  }),
});

/** The schema of what each command prints under `--json`, in the order of docs/json.md. */
export const documents: Readonly<Record<string, z.ZodType>> = {
  run: runDocument,
  "run --dry-run": dryRunDocument,
  masks: masksDocument,
  "runs ls": runsLsDocument,
  "runs show": runsShowDocument,
  "runs compare": runsCompareDocument,
  "runs rm": runsRmDocument,
  report: reportDocument,
  reproduce: reproduceDocument,
  "artifacts ls": artifactsLsDocument,
  "artifacts show": artifactsShowDocument,
  "artifacts lineage": artifactsLineageDocument,
  "artifacts verify": artifactsVerifyDocument,
  "data pack": dataPackDocument,
  "data inspect": dataInspectDocument,
  "data verify": dataVerifyDocument,
  predict: predictDocument,
  features: featuresDocument,
  "tokenizer inspect": tokenizerInspectDocument,
  "evaluate bapps": evaluateBappsDocument,
  "evaluate robustness": evaluateRobustnessDocument,
  export: exportDocument,
  clean: cleanDocument,
  doctor: doctorDocument,
  plan: planDocument,
  "plan (no --recipe)": planListDocument,
  "bench runtime": benchRuntimeDocument,
  "bench stages": benchStagesDocument,
  study: studyDocument,
  "study --dry-run": studyPlanDocument,
  "study report": studyReportDocument,
  "study compare": studyCompareDocument,
  test: testDocument,
  lint: lintDocument,
};
