import { serveOrRun } from "@peco/stage";
import { finetuneStage } from "./finetune-stage.ts";

await serveOrRun({ name: "finetuner", stages: { finetune: finetuneStage, "finetune-from-scratch": finetuneStage } });
