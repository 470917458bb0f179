import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EventLog, type NumberedEvent, type StageEvent } from "./index.ts";

const step = (n: number): StageEvent => ({
  kind: "step",
  part: "",
  step: n,
  of: 9,
  metrics: {},
  imagesPerSecond: 0,
  etaSeconds: 0,
  waitShare: 0,
});
const note = (text: string): StageEvent => ({ kind: "note", text });
const done: StageEvent = { kind: "done", artifact: "", metrics: {}, cached: false, seconds: 0 };
const forever = new AbortController().signal;

async function read(events: AsyncIterable<NumberedEvent>): Promise<NumberedEvent[]> {
  const all: NumberedEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

describe("the events of a stage", () => {
  it("reach a watcher whole and in order, whenever it comes and wherever it begins", async () => {
    const law = fc.asyncProperty(fc.array(fc.constantFrom("step", "note", "pause")), fc.nat(12), async (plan, from) => {
      const log = new EventLog();
      const early = read(log.from(from, forever));
      for (const what of plan) {
        if (what === "pause") await setImmediate();
        else log.add(what === "step" ? step(1) : note(""));
      }
      log.add(done);
      const all = await read(log.from(0, forever));
      expect(all.map(({ number }) => number)).toEqual(all.map((_, i) => i + 1));
      expect(all.at(-1)?.kind).toBe("done");
      expect(await early).toEqual(all.filter(({ number }) => number >= from));
    });
    await fc.assert(law, { numRuns: 50 });
  });

  it("lose the oldest steps first when there are too many", async () => {
    const log = new EventLog(1, 5);
    log.add(note("first"));
    for (let n = 0; n < 100; n++) log.add(step(n));
    log.add(done);
    const kept = await read(log.from(0, forever));
    expect(kept.map(({ kind, number }) => [kind, number])).toEqual([
      ["note", 1],
      ["step", 99],
      ["step", 100],
      ["step", 101],
      ["done", 102],
    ]);
    const notes = new EventLog(1, 3);
    for (const text of ["a", "b", "c", "d"]) notes.add(note(text));
    notes.add(done);
    expect(await read(notes.from(0, forever))).toMatchObject([{ text: "c" }, { text: "d" }, { kind: "done" }]);
  });

  it("end with the last one, and go on counting in the next attempt", async () => {
    const log = new EventLog();
    log.add(done);
    log.add(note("too late"));
    expect((await read(log.from(0, forever))).length).toBe(1);
    const next = new EventLog(log.next);
    next.add(done);
    expect(await read(next.from(next.first, forever))).toMatchObject([{ kind: "done", number: 2 }]);
  });

  it("let a watcher go that does not want to wait", async () => {
    const stop = new AbortController();
    const reading = read(new EventLog().from(0, stop.signal));
    stop.abort();
    expect(await reading).toEqual([]);
  });
});
