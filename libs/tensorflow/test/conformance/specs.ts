// The program of a child process: runs its share of tfjs-core's published specs and writes a line of JSON for each.
import "./jasmine-globals.ts";
import "backend-under-test";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "./test-environment.ts";
import "@tensorflow/tfjs-core/dist/tests";
import { readFileSync, writeSync } from "node:fs";
import type { Message, Orders } from "./run.ts";

const orders = JSON.parse(readFileSync(0, "utf8")) as Orders;
const done = new Set(orders.done);
const only = new RegExp(orders.only);
// Synchronous, so that a crash loses nothing.
const tell = (message: Message) => writeSync(3, `${JSON.stringify(message)}\n`);

const counts = new Map<string, number>();
const names = new Map<string, string>();
/** Names are not unique; the second spec of a name is told from the first by its number. */
function nameOf(spec: JasmineSpec): string {
  const full = spec.getFullName();
  const count = (counts.get(full) ?? 0) + 1;
  counts.set(full, count);
  const name = count === 1 ? full : `${full} #${count}`;
  names.set(spec.id, name);
  return name;
}

const environment = jasmine.getEnv();
environment.configure({
  random: false,
  specFilter(spec) {
    const name = nameOf(spec);
    if (names.size % orders.shards !== orders.shard || !only.test(name) || done.has(name)) return false;
    const leftOut = orders.leftOut.some((part) => name.includes(part));
    if (leftOut) tell({ name, status: "left out" });
    return !leftOut;
  },
});
environment.addReporter({
  specStarted: ({ id }) => tell({ name: names.get(id) ?? id, status: "started" }),
  specDone({ id, status, failedExpectations }) {
    if (status === "excluded") return;
    const reasons = failedExpectations.map(({ message, stack }) => `${message}\n${where(stack)}`);
    tell({ name: names.get(id) ?? id, status, reasons });
  },
});
await environment.execute();
tell({ name: "", status: "finished" });

/** The first lines of a stack; all of one would be megabytes over all specs. */
function where(stack: string | undefined): string {
  return (stack ?? "").split("\n").slice(0, 8).join("\n");
}
