export { fold, hashName, type Key, type KeyPart, key, mix64, root } from "./key.ts";
export { philox4x32 } from "./philox.ts";
export { Stream, stream } from "./stream.ts";
