/** What is used of tar-stream 3.1.7, which brings no types. */
declare module "tar-stream/headers.js" {
  interface Header {
    name: string;
    size: number;
    /** `file`, `directory`, `pax-header`, `gnu-long-path`, ...; null: unknown. */
    type: string | null;
  }
  const headers: {
    /** A block of 512 bytes as a header; null for one of zeros. @throws Error for anything else */
    decode(block: Uint8Array, filenameEncoding?: string, allowUnknownFormat?: boolean): Header | null;
    decodePax(body: Uint8Array): Record<string, string>;
    decodeLongPath(body: Uint8Array, encoding?: string): string;
  };
  export default headers;
}

declare module "tar-stream" {
  import type { Readable, Writable } from "node:stream";

  interface Pack extends Readable {
    entry(
      header: { name: string; size?: number; type?: string; pax?: Record<string, string> },
      body?: Uint8Array | string,
    ): Writable;
    finalize(): void;
  }
  interface Entry extends AsyncIterable<Uint8Array> {
    readonly header: { readonly name: string; readonly size: number; readonly type: string };
    resume(): void;
  }
  interface Extract extends Writable, AsyncIterable<Entry> {}
  const tar: { pack(): Pack; extract(): Extract };
  export default tar;
}
