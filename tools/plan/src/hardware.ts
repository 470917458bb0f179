/** A kind of accelerator: what its maker says it can do at most in the precisions of our matrix products, and its memory. */
export interface Accelerator {
  readonly name: string;
  /** Floating-point operations a second, dense: 16-bit inputs, and float32, which is TF32 where there is such. */
  readonly peak: { readonly bfloat16: number; readonly float32: number };
  readonly memoryBytes: number;
  /** Where the figures stand. */
  readonly source: string;
}

const GB = 1e9;

/** Accelerators by the name that the command takes. */
export const accelerators: Readonly<Record<string, Accelerator>> = {
  v100: {
    name: "NVIDIA V100 SXM2 32 GB",
    peak: { bfloat16: 125e12, float32: 15.7e12 },
    memoryBytes: 32 * GB,
    source: "NVIDIA's V100 data sheet",
  },
  a100: {
    name: "NVIDIA A100 SXM 80 GB",
    peak: { bfloat16: 312e12, float32: 156e12 },
    memoryBytes: 80 * GB,
    source: "NVIDIA's A100 data sheet",
  },
  h100: {
    name: "NVIDIA H100 SXM 80 GB",
    peak: { bfloat16: 989.4e12, float32: 494.7e12 },
    memoryBytes: 80 * GB,
    source: "NVIDIA's H100 data sheet, without sparsity",
  },
  h200: {
    name: "NVIDIA H200 SXM 141 GB",
    peak: { bfloat16: 989.4e12, float32: 494.7e12 },
    memoryBytes: 141 * GB,
    source: "NVIDIA's H200 data sheet, without sparsity",
  },
};

/** Share of the peak that training of vision transformers reaches: an assumption, given as a range. */
export const utilisation = { low: 0.3, high: 0.5 } as const;
