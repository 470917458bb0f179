export { pretrainStage } from "./pretrain-stage.ts";
export { initPretraining, type PretrainOptions, type PretrainState, pretrainStep } from "./pretrain-step.ts";
export { type RemoteBatches, type RemoteBatchesOptions, remoteBatches, StreamBroken } from "./remote-batches.ts";
