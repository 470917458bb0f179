/** Tries something with the store in a folder and prints what it met as JSON: `node attempt.ts FOLDER open|create|fill|read`. */
import { Store } from "../src/store.ts";
import { verify } from "../src/verify.ts";

const [folder = "", what = ""] = process.argv.slice(2);
try {
  const store = await Store.open(folder, { create: what === "create" || what === "fill" });
  if (what === "fill") await store.putBlob(new Uint8Array(4 << 20).fill(1));
  console.log(JSON.stringify(what === "read" ? { objects: (await verify(store, "all")).objects } : {}));
} catch (error) {
  const { name, message, exitCode, path, remedy } = error as Error & Record<string, unknown>;
  console.log(JSON.stringify({ name, message, exitCode, path, remedy }));
}
