import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { credentials, Metadata, makeClientConstructor } from "@grpc/grpc-js";
import { service as healthDefinition } from "grpc-health-check";
import { afterEach, describe, expect, it } from "vitest";
import {
  batchesFrom,
  description,
  maskingContract,
  piece,
  serveMasking,
  serveTokenizer,
  tokenizerContract,
} from "../test/services.ts";
import { connect, type Endpoint, maxMessageBytes, RemoteFailure, type RpcServer, resumeStream } from "./index.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of open.splice(0).reverse()) await thing.close();
});

function kept<T extends { close(): unknown }>(thing: T): T {
  open.push(thing);
  return thing;
}
async function serving(server: Promise<RpcServer>): Promise<RpcServer> {
  const { close, ...rest } = await server;
  kept({ close: () => close(0) });
  return { ...rest, close };
}
const tokenizerAt = (endpoint: Endpoint) => kept(connect(tokenizerContract, endpoint));
const maskingAt = (endpoint: Endpoint) => kept(connect(maskingContract, endpoint));

class StoreFull extends Error {
  override readonly name = "StoreFull";
  readonly exitCode = 73;
  readonly remedy = "Räume auf. 🧹";
  readonly path = "/tmp/Bücher und\n„Bilder“";
}

describe("failures over the wire", () => {
  it("arrive whole: name, message, exit code, remedy, path", async () => {
    const server = await serving(serveTokenizer({ describe: () => Promise.reject(new StoreFull("voll: 100 % — 満")) }));
    const call = tokenizerAt(server).describe({ artifact: "" });
    await expect(call).rejects.toBeInstanceOf(RemoteFailure);
    await expect(call).rejects.toMatchObject({
      ...new StoreFull("voll: 100 % — 満"),
      message: "voll: 100 % — 満",
    });
  });

  it.each([64, 65, 66, 70, 73, 75, 76, 130, 137])("keep exit code %i, and are not retried", async (exitCode) => {
    let calls = 0;
    const handler = () => {
      calls++;
      return Promise.reject(Object.assign(new Error("x"), { exitCode }));
    };
    const server = await serving(serveTokenizer({ describe: handler }));
    await expect(tokenizerAt(server).describe({ artifact: "" })).rejects.toMatchObject({ exitCode });
    expect(calls).toBe(1);
  });

  it("of the program are 70, and show no stack", async () => {
    const server = await serving(
      serveTokenizer({ describe: () => Promise.reject(new TypeError("x is not a function")) }),
    );
    const error: unknown = await tokenizerAt(server)
      .describe({ artifact: "" })
      .catch((e: unknown) => e);
    expect(error).toMatchObject({ name: "TypeError", message: "x is not a function", exitCode: 70 });
    expect(JSON.stringify(error)).not.toContain("rpc.test.ts");
  });

  it("end a stream behind the messages before them", async () => {
    const server = await serving(
      serveMasking(async function* () {
        yield piece(0);
        throw new StoreFull("voll");
      }),
    );
    const steps: number[] = [];
    const reading = (async () => {
      for await (const { step } of maskingAt(server).batches(batchesFrom(0, 2))) steps.push(step);
    })();
    await expect(reading).rejects.toMatchObject({ name: "StoreFull", exitCode: 73 });
    expect(steps).toEqual([0]);
  });
});

describe("what opens a server", () => {
  it("is its token, for all but health", async () => {
    const server = await serving(serveTokenizer({ describe: () => Promise.resolve(description("a")) }));
    expect(await tokenizerAt(server).describe({ artifact: "" })).toEqual(description("a"));
    for (const token of ["", "wrong", `${server.token}x`]) {
      await expect(tokenizerAt({ ...server, token }).describe({ artifact: "" })).rejects.toMatchObject({
        name: "UNAUTHENTICATED",
        exitCode: 64,
      });
    }
    expect(await health(server.address)).toBe("SERVING");
  });

  it("is shown by reflection, with the files it depends on", async () => {
    const server = await serving(serveTokenizer({ describe: () => Promise.resolve(description("seen")) }));
    const buf = (...words: string[]) =>
      promisify(execFile)("buf", [
        "curl",
        "--protocol",
        "grpc",
        "--http2-prior-knowledge",
        "-H",
        `authorization: Bearer ${server.token}`,
        "--reflect-header",
        `authorization: Bearer ${server.token}`,
        ...words,
      ]);
    const url = `http://${server.address}`;
    expect((await buf("--list-methods", url)).stdout).toContain("peco.tokenizer.v1.TokenizerService/Describe");
    expect(
      (await buf("-d", '{"artifact": "x"}', `${url}/peco.tokenizer.v1.TokenizerService/Describe`)).stdout,
    ).toContain('"artifact": "seen"');
  });
});

describe("limits", () => {
  const raw = (bytes: number) => ({
    artifact: "",
    pictures: [{ content: { $case: "encoded" as const, value: Buffer.alloc(bytes) } }],
  });

  it("are one size in both directions, and name it", async () => {
    const server = await serving(
      serveTokenizer({
        tokenize: async ({ pictures }) => ({
          artifact: String(pictures[0]?.content?.value),
          rows: 0,
          columns: 0,
          tokens: [],
        }),
        describe: async () => description("x".repeat(maxMessageBytes)),
      }),
    );
    const client = tokenizerAt(server);
    const nearly = maxMessageBytes - 100;
    await expect(client.tokenize(raw(nearly))).resolves.toMatchObject({ artifact: "\0".repeat(nearly) });
    const large = {
      name: "MessageTooLarge",
      exitCode: 64,
      message: expect.stringContaining(`the limit maxMessageBytes is ${maxMessageBytes}`),
    };
    await expect(client.tokenize(raw(maxMessageBytes))).rejects.toMatchObject(large);
    await expect(client.describe({ artifact: "" })).rejects.toMatchObject(large);
  });

  it("of time end the call and the work for it", async () => {
    let stopped = false;
    const server = await serving(
      serveTokenizer({
        describe: async (_, { signal }) => {
          await once(signal, "abort");
          stopped = true;
          return description("too late");
        },
      }),
    );
    const call = tokenizerAt(server).describe({ artifact: "" }, { timeoutMs: 100 });
    await expect(call).rejects.toMatchObject({ name: "DEADLINE_EXCEEDED", exitCode: 75 });
    await expect.poll(() => stopped).toBe(true);
  });

  it("hold a producer back while its client does not read", async () => {
    let made = 0;
    const server = await serving(
      serveMasking(async function* ({ fromStep, toStep }) {
        for (let step = fromStep; step < toStep; step++) {
          made++;
          yield piece(step, 2 ** 20);
        }
      }),
    );
    const steps: number[] = [];
    for await (const { step } of maskingAt(server).batches(batchesFrom(3, 103))) {
      if (steps.push(step) === 1) {
        await sleep(500);
        expect(made).toBeLessThan(40);
      }
    }
    expect(steps).toEqual(Array.from({ length: 100 }, (_, i) => i + 3));
  });
});

describe("a call that is cancelled", () => {
  it("fails with 130, and the server hears of it", async () => {
    let heard: (reached: boolean) => void = () => {};
    const begun = new Promise((resolve) => {
      heard = resolve;
    });
    let stopped = false;
    const server = await serving(
      serveTokenizer({
        describe: async (_, { signal }) => {
          heard(true);
          await once(signal, "abort");
          stopped = true;
          return description("too late");
        },
      }),
    );
    const stop = new AbortController();
    const call = tokenizerAt(server).describe({ artifact: "" }, { signal: stop.signal });
    await begun;
    stop.abort();
    await expect(call).rejects.toMatchObject({ exitCode: 130 });
    await expect.poll(() => stopped).toBe(true);
  });

  it("ends a stream's producer when its reader stops reading", async () => {
    let ended = false;
    const server = await serving(
      serveMasking(async function* () {
        try {
          for (let step = 0; ; step++) yield piece(step, 2 ** 16);
        } finally {
          ended = true;
        }
      }),
    );
    for await (const { step } of maskingAt(server).batches(batchesFrom(0, 1))) if (step === 5) break;
    await expect.poll(() => ended).toBe(true);
  });
});

describe("a service that is away", () => {
  it("is tried again for a while", async () => {
    const { port, token, address, close } = await serveTokenizer({});
    await close(0);
    const call = tokenizerAt({ address, token }).describe({ artifact: "" });
    await sleep(100);
    await serving(serveTokenizer({ describe: () => Promise.resolve(description("back")) }, { port, token }));
    expect(await call).toEqual(description("back"));
  });

  it("is said to be lost when it stays away", async () => {
    const { token, address, close } = await serveTokenizer({});
    await close(0);
    await expect(tokenizerAt({ address, token }).describe({ artifact: "" })).rejects.toMatchObject({
      name: "ServiceLost",
      exitCode: 75,
    });
  });

  it("goes on with its stream where it was", async () => {
    async function* batches({ fromStep, toStep }: { fromStep: number; toStep: number }) {
      for (let step = fromStep; step < toStep; step++) {
        await sleep(20);
        yield piece(step);
      }
    }
    const first = await serveMasking(batches);
    const client = maskingAt(first);
    const steps: number[] = [];
    const stream = resumeStream({
      open: (after?: { step: number }) => client.batches(batchesFrom((after?.step ?? -1) + 1, 20)),
      patienceMs: 10_000,
    });
    for await (const { step } of stream) {
      if (steps.push(step) !== 5) continue;
      await first.close(0);
      await serving(serveMasking(batches, first));
    }
    expect(steps).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});

describe("a server", () => {
  it("says when its port is in use", async () => {
    const other = kept(createServer().listen(0, "127.0.0.1"));
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    await expect(serveTokenizer({}, { port })).rejects.toMatchObject({
      name: "PortInUse",
      exitCode: 75,
      message: `127.0.0.1:${port} is in use by another program`,
    });
    await expect(serveTokenizer({}, { host: "192.0.2.1" })).rejects.toMatchObject({
      name: "CannotListen",
      exitCode: 64,
    });
  });

  it("lets calls end before it closes", async () => {
    const server = await serveTokenizer({
      describe: async () => {
        await sleep(300);
        return description("whole");
      },
    });
    const call = tokenizerAt(server).describe({ artifact: "" });
    await sleep(100);
    await server.close();
    expect(await call).toEqual(description("whole"));
  });

  it("cuts off what does not end", async () => {
    const server = await serveTokenizer({});
    const call = expect(tokenizerAt(server).describe({ artifact: "" })).rejects.toMatchObject({
      exitCode: expect.any(Number),
    });
    await sleep(100);
    await server.close(200);
    await call;
  });
});

function health(address: string): Promise<unknown> {
  const Client = makeClientConstructor(healthDefinition, "health");
  const client = kept(new Client(address, credentials.createInsecure()));
  return new Promise((resolve, reject) => {
    client["check"]?.(
      { service: "peco.tokenizer.v1.TokenizerService" },
      new Metadata(),
      (error: unknown, response: { status: unknown }) => {
        if (error) reject(error);
        else resolve(response.status);
      },
    );
  });
}
