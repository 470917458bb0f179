import { expect, it } from "vitest";
import { counted, duration, moment, number, percent, short, significant } from "./format.ts";
import { labelled } from "./label.ts";
import { originOf } from "./origins.ts";
import { spreadOf } from "./spread.ts";

it("writes shares, counts and digests", () => {
  expect(percent(0.42449)).toBe("42.4\u202f%");
  expect(percent(1, 0)).toBe("100\u202f%");
  expect([number(12345), number(2, 1), counted(1, "class", "classes"), counted(4000, "picture")]).toEqual([
    "12,345",
    "2.0",
    "1 class",
    "4,000 pictures",
  ]);
  expect([significant(4.0532), significant(0.00001234), significant(0), significant(Number.NaN)]).toEqual([
    "4.05",
    "1.2e-5",
    "0",
    "not finite",
  ]);
  expect(short("0123456789abcdef")).toBe("0123456789ab");
});

it("writes times", () => {
  expect([0.4, 9.96, 48, 401.3, 4321, 7199].map(duration)).toEqual([
    "0.4 s",
    "10 s",
    "48 s",
    "6 min 41 s",
    "1 h 12 min",
    "2 h 0 min",
  ]);
  expect(moment("2026-11-24T11:06:43.000Z")).toBe("24 November 2026, 11:06 UTC");
});

it("names fields for a reader", () => {
  expect(labelled("memoryBytes", "25769803776")).toEqual(["memory", "24.0 GiB"]);
  expect(labelled("gpu.driverVersion", "550")).toEqual(["gpu, driver version", "550"]);
});

it("gives mean and sample deviation, and no deviation for one value", () => {
  expect(spreadOf([0.3, 0.4, 0.5])).toEqual({ mean: expect.closeTo(0.4), deviation: expect.closeTo(0.1), count: 3 });
  expect(spreadOf([0.3])).toEqual({ mean: 0.3, deviation: null, count: 1 });
});

it("says which publication a value is from, and only when it is the same", () => {
  expect(originOf("pretrain.mask.minBlock", "16")).toBe("BEiT");
  expect(originOf("pretrain.mask.minBlock", "4")).toBe("own choice");
  expect(originOf("pretrain.mask.form", "exactly")).toBe("BEiT v2");
  expect(originOf("codebook.size", "8192")).toMatch(/PeCo/);
  expect(originOf("codebook.batch", "512")).toBe("our guess: BEiT v2's tokenizer");
  expect(originOf("data.generated.train", "8192")).toBe("own choice");
  expect(originOf("finetune.randAugment.magnitude", "9")).toMatch(/^BEiT/);
  expect(originOf("finetune.erase", "0")).toBe("own choice");
  expect(originOf("finetune.mixGroup", "128")).toMatch(/^BEiT/);
  expect(originOf("pretrain.views.jitter.contrast", "0.4")).toBe("BEiT");
  expect(originOf("codebook.channels", "[128, 256, 256, 512]")).toBe("VQGAN");
  expect(originOf("evaluate.probe.adamw.crop.aspect", "[0.75, 1.3333333333333333]")).toMatch(/BEiT/);
});
