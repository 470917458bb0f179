/** The stage contract: `proto/peco/stage/v1/stage.proto`. */

/** Batches of masked pictures: `proto/peco/masking/v1/masking.proto`. */
export * as masking from "./gen/peco/masking/v1/masking.ts";
export * as stage from "./gen/peco/stage/v1/stage.ts";
/** Visual tokens of pictures: `proto/peco/tokenizer/v1/tokenizer.proto`. */
export * as tokenizer from "./gen/peco/tokenizer/v1/tokenizer.ts";

/** All contracts as a serialized `FileDescriptorSet` with their comments, for reflection. */
export const descriptorsFile: URL = new URL("../descriptors.binpb", import.meta.url);
