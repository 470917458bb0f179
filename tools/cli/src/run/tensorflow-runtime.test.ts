import { expect, it } from "vitest";
import { software } from "./machine.ts";
import { tensorflowRuntime } from "./tensorflow-runtime.ts";

it("says what the library and its devices are, and a run that trains records it", () => {
  const runtime = tensorflowRuntime();
  expect(runtime).toMatchObject({
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    devices: expect.arrayContaining(["CPU:0"]),
  });
  expect(["cpu", "cuda12", "of LIBTENSORFLOW_DIR"]).toContain(runtime?.build);
  const graphics = runtime?.devices.some((name) => name.startsWith("GPU")) === true;
  expect(runtime?.accelerator === null).toBe(!graphics);
  expect(software("2.0.0")).toMatchObject({
    tensorflow: "2.0.0",
    tensorflowBuild: runtime?.build,
    devices: runtime?.devices.join(", "),
  });
  expect(Object.keys(software(null))).not.toContain("devices");
});
