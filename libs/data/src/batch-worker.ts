import { BatchMaker, type Selected } from "./batch-maker.ts";
import type { Slice } from "./batch-slices.ts";
import type { AnyBatch, BatchSpec } from "./batch-spec.ts";
import { openPictures, type PictureReader, type PictureSpec } from "./picture-reader.ts";
import { serveJobs } from "./worker-pool.ts";

/** One batch, or a slice of one, to make. What is said once a source is sent along each time: it is small, and the arrays are shared memory. */
export interface BatchJob {
  /** Number of the source in its data set. */
  readonly source: number;
  readonly pictures: PictureSpec;
  readonly spec: BatchSpec;
  readonly selected: Selected;
  readonly step: number;
  readonly slice: Slice;
}

const makers = new Map<number, BatchMaker>();
// One for all sources: a thread serves one data set.
let reader: PictureReader | null = null;

serveJobs<BatchJob, AnyBatch>(async (job) => {
  reader ??= openPictures(job.pictures);
  const maker = makers.get(job.source) ?? new BatchMaker(job.spec, job.selected, reader);
  makers.set(job.source, maker);
  const result = await maker.make(job.step, job.slice);
  return { result, transfer: Object.values(result).map(({ data }) => data.buffer) };
});
