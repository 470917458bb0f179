import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { installedPeers, missingPeers, Peer, peersFolder } from "./peer.ts";

const folder = mkdtempSync(join(tmpdir(), "peer-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A peer of these lines of Python, behind the real protocol. */
async function start(body: string): Promise<Peer> {
  const program = "fake_peer";
  writeFileSync(
    join(folder, `${program}.py`),
    `import sys\nsys.path.insert(0, ${JSON.stringify(peersFolder)})\n${body}\n`,
  );
  return Peer.start({ python: "python3", folder, program, case: "mim", variant: "f32", weights: "w", threads: 2 });
}

describe("a peer", () => {
  it("says what it is, and runs steps when it is told to", async () => {
    await using peer = await start(`
from protocol import serve
losses = iter(range(9, 0, -1))
print("noise", file=sys.stderr)
serve(lambda: float(next(losses)), {"versions": {"none": "1"}, "choice": " ".join(sys.argv[1:])})`);
    expect(peer).toMatchObject({ variant: "fake/f32", versions: { none: "1" }, choice: "mim f32 w 2" });
    const first = await peer.run(3);
    expect(first.loss).toBe(7);
    expect(first.ms).toHaveLength(3);
    expect((await peer.run(1)).loss).toBe(6);
  });

  it("that ends before it is ready is named with what it said", async () => {
    await expect(start("sys.exit('no such case')")).rejects.toThrow(
      /fake\/f32 ended before it was ready: no such case/,
    );
  });

  it("that ends while it runs is an error, too", async () => {
    await using peer = await start(`
from protocol import serve
serve(lambda: sys.exit(1), {"versions": {}, "choice": ""})`);
    await expect(peer.run(1)).rejects.toThrow("fake/f32 ended while it ran");
  });
});

describe("peers that are not there", () => {
  it("are named, with how to install them", () => {
    const said: string[] = [];
    expect(installedPeers("/no/such/python", ["torch", "jax"])).toEqual([]);
    const missing = missingPeers({ python: "python3", log: (text) => said.push(text) }, ["torch"], ["torch", "jax"]);
    expect(missing).toEqual(["jax"]);
    expect(said).toEqual(["jax is not installed for python3: pip install 'jax[cpu]' safetensors numpy"]);
  });
});
