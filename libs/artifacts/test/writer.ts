/**
 * A stage as far as the store sees it, which the fault test kills: goes on from the last checkpoint, counts to `steps`,
 * saves at each step, and finishes. `node writer.ts FOLDER STAGE STEPS [KILL-AT]`: with KILL-AT it kills itself before
 * (even) or after (odd) that half of its operations on the store.
 */
import type { Backend } from "../src/backend.ts";
import { digestOf } from "../src/sha256.ts";
import { Store } from "../src/store.ts";

const [folder = "", stage = "", steps = "", killAt = ""] = process.argv.slice(2);
const writes = new Set<PropertyKey>(["putContent", "put", "putIfAbsent", "delete", "swapPointer", "clearPointer"]);

/** A backend that dies at a chosen moment between the operations of the one it wraps. */
function mortal(backend: Backend, moment: number): Backend {
  let half = 0;
  const dieAt = () => {
    if (half++ === moment) process.kill(process.pid, "SIGKILL");
  };
  return new Proxy(backend, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      if (!writes.has(name)) return member.bind(target);
      return async (...words: unknown[]) => {
        dieAt();
        const result: unknown = await member.apply(target, words);
        dieAt();
        return result;
      };
    },
  });
}

const opened = await Store.open(folder, { create: true });
const store = killAt === "" ? opened : new Store(mortal(opened.backend, Number(killAt)), opened.runs);
const parts = { stage };
const key = digestOf(parts);
await using lease = await store.lease(key, stage);
const checkpoints = store.checkpoints(key);
const problems: unknown[] = [];
const found = await checkpoints.latest((problem) => problems.push(problem));
console.log(JSON.stringify({ from: found?.step ?? 0, problems }));

// every state has equal bytes in it for its whole length, so that half of one shows
const state = (step: number) => new Uint8Array(20_000).fill(step);
for (let step = (found?.step ?? 0) + 1; step <= Number(steps); step++) {
  await checkpoints.save({ step, blobs: { state: state(step), history: Buffer.from(JSON.stringify({ step })) } });
  await lease.heartbeat();
  console.log(JSON.stringify({ saved: step }));
}
const weights = await store.putBlob(state(Number(steps)));
const artifact = await store.publish({ kind: "writer", blobs: { weights }, inputs: {}, meta: { stage } });
await store.finish(key, { stage, parts, artifact, metrics: {}, record: {} });
await checkpoints.clear();
console.log(JSON.stringify({ finished: artifact }));
