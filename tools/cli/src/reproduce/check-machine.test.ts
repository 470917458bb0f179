import type { ReproducibilityCard } from "@peco/report";
import { describe, expect, it } from "vitest";
import { tensorflowRuntime } from "../run/tensorflow-runtime.ts";
import { type Here, hereFor, machineRemarks } from "./check-machine.ts";

const here: Here = {
  software: { node: "24.21.0", tensorflow: "2.21.0", tensorflowBuild: "cpu", tfjs: "4.22.0" },
  hardware: { processor: "EPYC", devices: "CPU:0", accelerator: undefined, cores: 2 },
  cores: 2,
};
const card = (changes: { software?: object; hardware?: object; threads?: number } = {}) =>
  ({
    software: { ...here.software, ...changes.software },
    hardware: { processor: "EPYC", devices: "CPU:0", cores: 2, ...changes.hardware },
    experiment: { resolved: { runtime: { threads: changes.threads ?? 2 } } },
  }) as unknown as ReproducibilityCard;

describe("what differs here from a card's machine", () => {
  it("is nothing where all is the same", () => expect(machineRemarks(card(), here)).toEqual([]));

  it.each([
    [{ software: { tensorflow: "2.20.0" } }, "tensorflow is 2.21.0 here and was 2.20.0"],
    [{ software: { tensorflowBuild: "cuda12" } }, "tensorflow build is cpu here and was cuda12"],
    [{ software: { node: "24.1.0" } }, "node is 24.21.0 here and was 24.1.0"],
    [{ hardware: { processor: "Xeon" } }, "the processor is EPYC here and was Xeon: the last bits may differ"],
    [
      { hardware: { devices: "CPU:0, GPU:0" } },
      "the devices are CPU:0 here and were CPU:0, GPU:0: the last bits may differ",
    ],
    [
      { hardware: { accelerator: "H100, 550.1" } },
      "the accelerator is none here and was H100, 550.1: the last bits may differ",
    ],
    [{ threads: 3 }, "the recipe takes 3 threads and there are 2 cores: it will be slow"],
  ])("%j", (changes, remark) => expect(machineRemarks(card(changes), here)).toEqual([remark]));

  it("leaves out what a card does not say, since it is older", () => {
    const old = card();
    const { tensorflowBuild: _, ...software } = old.software;
    const { devices: _1, ...hardware } = old.hardware;
    expect(machineRemarks({ ...old, software, hardware }, here)).toEqual([]);
  });

  it("says that nothing is known of a library that is not here yet", () => {
    const without = { ...here, software: { node: "24.21.0" }, hardware: { processor: "EPYC" } };
    expect(machineRemarks(card(), without)).toEqual([expect.stringContaining("library is not here yet")]);
  });
});

describe("this machine", () => {
  it("has the version of the library that lies here, not the card's", () => {
    const { software, hardware } = hereFor(card({ software: { tensorflow: "1.0.0" } }));
    expect(software["tensorflow"]).toBe(tensorflowRuntime()?.version);
    expect(software["tensorflow"]).not.toBe("1.0.0");
    expect(hardware["devices"]).toContain("CPU:0");
  });

  it("asks no library where the card's run computed with none", () => {
    const { tensorflow: _, ...software } = card().software;
    expect(hereFor({ ...card(), software }).software).not.toHaveProperty("tensorflow");
  });
});
