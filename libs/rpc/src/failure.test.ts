import { writeFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { failureOf, RemoteFailure } from "./index.ts";

describe("what an error says of itself", () => {
  it("is its own exit code, remedy and path, also when it came from elsewhere", () => {
    const failure = { name: "StoreFull", message: "full", exitCode: 73, remedy: "Free some.", path: "/s" };
    expect(failureOf(Object.assign(new Error("full"), failure))).toEqual(failure);
    expect(failureOf(new RemoteFailure(failure))).toEqual(failure);
    expect(failureOf(Object.assign(new Error("x"), { exitCode: 66 }))).toMatchObject({
      exitCode: 66,
      remedy: "",
      path: "",
    });
  });

  it("is 130 for an abort", () => {
    const stop = new AbortController();
    stop.abort();
    expect(failureOf(stop.signal.reason)).toMatchObject({ exitCode: 130, name: "Cancelled" });
  });

  it("is 73 for a full disk, whoever met it", async () => {
    const error: unknown = await writeFile("/dev/full", "x").catch((e: unknown) => e);
    expect(failureOf(error)).toMatchObject({ exitCode: 73, remedy: expect.stringContaining("Free some space") });
  });

  it.each([[new TypeError("x is undefined")], ["a text"], [undefined]])(
    "is a fault of the program otherwise: %s",
    (error) => {
      expect(failureOf(error)).toMatchObject({ exitCode: 70, remedy: expect.stringContaining("report") });
    },
  );
});
