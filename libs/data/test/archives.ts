/// <reference path="../src/tar-stream.d.ts" />
import { buffer } from "node:stream/consumers";
import tar from "tar-stream";

/** The bytes of a tar file with members in the order given, as tar-stream writes it. */
export async function tarOf(members: Readonly<Record<string, Uint8Array | string>>): Promise<Buffer> {
  const pack = tar.pack();
  for (const [name, body] of Object.entries(members)) pack.entry({ name }, Buffer.from(body));
  pack.finalize();
  return buffer(pack);
}
