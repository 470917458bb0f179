import type { Program } from "tfjs-libtensorflow";
import { fastest, isOurs } from "./against-peers.ts";
import { bytesPerMs, emptyCallMs } from "./bandwidth.ts";
import type { Case } from "./case.ts";
import { precisionOf } from "./competitor.ts";
import { type Measured, programOf } from "./measure.ts";
import { type Product, productsOf } from "./product.ts";
import { productMs } from "./product-time.ts";
import { restBytes } from "./rest-bytes.ts";

/** How fast a step could be on this machine, and how near our best variant comes. */
export interface Limit {
  readonly case: string;
  /** Our best variant in a precision, whose limit this is. */
  readonly variant: string;
  readonly limitMs: number;
  /** The part of it in products and convolutions, each at its shape's measured rate. */
  readonly productMs: number;
  /** What has to be moved between them, in megabytes, and the measured rate at which it can be, in gigabytes a second. */
  readonly restMegabytes: number;
  readonly gigabytesPerSecond: number;
  /** Limit over our time: 1 would be all that is possible. */
  readonly share: number;
}

/** What has been measured of a machine for a program. */
export interface Rates {
  /** Milliseconds of one product. */
  readonly productMs: (product: Product) => number;
  readonly bytesPerMs: number;
}

/** The limit of a program: its products one after the other, and the bytes of the rest. */
export function limitMs(program: Program, rates: Rates): { limitMs: number; productMs: number } {
  const inProducts = productsOf(program).reduce((sum, product) => sum + product.count * rates.productMs(product), 0);
  return { limitMs: inProducts + restBytes(program) / rates.bytesPerMs, productMs: inProducts };
}

/** Measures the limits of a case, in each precision for our fastest variant of it. */
export async function limitsOf(which: Case, rows: readonly Measured[], log: (text: string) => void): Promise<Limit[]> {
  const callMs = await emptyCallMs();
  const limits: Limit[] = [];
  for (const precision of ["float32", "bfloat16"] as const) {
    const best = fastest(rows.filter((row) => isOurs(row) && precisionOf(row.variant) === precision));
    if (best === undefined) continue;
    const program = await programOf(which, precision);
    const bytes = restBytes(program);
    const bandwidth = await bytesPerMs(bytes, callMs);
    const products = productsOf(program);
    log(`${which.name}: measuring its ${products.length} products one by one in ${precision}`);
    const times = new Map<string, number>();
    for (const product of products) times.set(nameOf(product), await productMs(product, callMs));
    const limit = limitMs(program, {
      productMs: (product) => times.get(nameOf(product)) as number,
      bytesPerMs: bandwidth,
    });
    limits.push({
      case: which.name,
      variant: best.variant,
      ...limit,
      restMegabytes: bytes / 1e6,
      gigabytesPerSecond: bandwidth / 1e6,
      share: limit.limitMs / best.msPerStep,
    });
  }
  return limits;
}

/** The same for equal products of one program. */
function nameOf({ operation }: Product): string {
  return String(operation.outputs[0]);
}
