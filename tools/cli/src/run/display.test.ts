import { PassThrough } from "node:stream";
import { expect, describe as group, it } from "vitest";
import { clock, Display, describe } from "./display.ts";

const progress = {
  stage: "codebook",
  part: "",
  step: 700,
  of: 1000,
  metrics: { loss: 0.2137 },
  imagesPerSecond: 2310.4,
  etaSeconds: 65,
};

group("progress of a run", () => {
  it("says stage, step, loss, speed and time left", () => {
    expect(describe(progress)).toBe("codebook 700/1000  loss 0.214  2,310 images/s  1:05 left");
    expect(describe({ ...progress, part: "lr 0.001, repeat 1", step: 1000 })).toBe(
      "codebook (lr 0.001, repeat 1) 1000/1000  loss 0.214  2,310 images/s",
    );
  });

  it.each([
    [7, "0:07"],
    [750, "12:30"],
    [3723, "1:02:03"],
  ])("shows %i seconds as %s", (seconds, text) => expect(clock(seconds)).toBe(text));

  it("writes plain lines, seldom, where there is no terminal", () => {
    const out = new PassThrough() as unknown as NodeJS.WriteStream & PassThrough;
    const display = new Display(out);
    display.progress(progress);
    display.progress({ ...progress, step: 701 });
    display.line("codebook done");
    expect(out.read().toString()).toBe(`${describe(progress)}\ncodebook done\n`);
  });
});
