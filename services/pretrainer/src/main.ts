import { serveOrRun } from "@peco/stage";
import { pretrainStage } from "./pretrain-stage.ts";

await serveOrRun({ name: "pretrainer", stages: { pretrain: pretrainStage } });
