import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import type { Distribution } from "../src/library/distribution.ts";

/** A member of a zip archive; `mode` is the file's permission bits. */
export interface Member {
  readonly name: string;
  readonly data: Buffer;
  readonly mode?: number;
  readonly stored?: boolean;
}

/** Writes a zip archive as wheels are: deflated or stored, sizes in both headers. */
export function zip(members: readonly Member[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, mode = 0o644, stored = false } of members) {
    const packed = stored ? data : deflateRawSync(data);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(stored ? 0 : 8, 4);
    shared.writeUInt32LE(crc32(data), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(data.length, 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), shared, Buffer.from(name), packed]);
    const record = Buffer.alloc(46);
    record.write("PK\x01\x02");
    record.writeUInt16LE((3 << 8) | 20, 4);
    shared.copy(record, 6);
    record.writeUInt32LE(((0o100000 | mode) << 16) >>> 0, 38);
    record.writeUInt32LE(offset, 42);
    directory.push(record, Buffer.from(name));
    parts.push(local);
    offset += local.length;
  }
  const index = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(index.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, index, end]);
}

/** What the fake wheel holds of the library. */
export const fakeFiles: Readonly<Record<string, Buffer>> = {
  "tensorflow/libtensorflow_cc.so.2": Buffer.alloc(300_000, "cc"),
  "tensorflow/libtensorflow_framework.so.2": Buffer.alloc(1000, "framework"),
};

/** Puts a small wheel into `folder`, as an index would serve it, and returns its path and the pin that fits it. */
export function fakeWheel(folder: string): { path: string; distribution: Distribution } {
  const info = "fake_tensorflow-1.0.dist-info";
  const members: Member[] = [
    { name: "tensorflow/__init__.py", data: Buffer.from("raise SystemExit('not wanted')\n") },
    ...Object.entries(fakeFiles).map(([name, data]) => ({ name, data, mode: 0o755 })),
    { name: `${info}/METADATA`, data: Buffer.from("Metadata-Version: 2.1\nName: fake-tensorflow\nVersion: 1.0\n") },
    { name: `${info}/WHEEL`, data: Buffer.from("Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-any\n") },
  ];
  const record = members.map(({ name, data }) => {
    const digest = createHash("sha256").update(data).digest("base64url");
    return `${name},sha256=${digest},${data.length}\n`;
  });
  const wheel = zip([
    ...members,
    { name: `${info}/RECORD`, data: Buffer.from(`${record.join("")}${info}/RECORD,,\n`), stored: true },
  ]);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, "fake_tensorflow-1.0-py3-none-any.whl");
  writeFileSync(path, wheel);
  const distribution: Distribution = {
    build: "cpu",
    folder: "1.0-cpu-fake",
    version: "1.0",
    cc: "tensorflow/libtensorflow_cc.so.2",
    framework: "tensorflow/libtensorflow_framework.so.2",
    wheels: [
      {
        project: "fake-tensorflow",
        version: "1.0",
        pipPlatforms: ["manylinux_2_27_x86_64"],
        uvPlatform: "x86_64-manylinux_2_28",
        sha256: createHash("sha256").update(wheel).digest("hex"),
        bytes: wheel.length,
        keptBytes: 301_000,
        keep: /^tensorflow\/lib.*\.so/,
      },
    ],
  };
  return { path, distribution };
}

/** An environment in which pip and uv see one folder of wheels and nothing else. */
export function offline(wheels: string, cache: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    XDG_CACHE_HOME: cache,
    PIP_NO_INDEX: "1",
    PIP_FIND_LINKS: wheels,
    UV_NO_INDEX: "1",
    UV_FIND_LINKS: wheels,
  };
}
