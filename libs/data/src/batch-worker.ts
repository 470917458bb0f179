import { BatchMaker, type Selected } from "./batch-maker.ts";
import type { AnyBatch, BatchSpec } from "./batch-spec.ts";
import { PictureFile } from "./picture-file.ts";
import { serveJobs } from "./worker-pool.ts";

/** One batch to make. What is said once a source is sent along each time: it is small, and the arrays are shared memory. */
export interface BatchJob {
  /** Number of the source in its data set. */
  readonly source: number;
  readonly path: string;
  readonly side: number;
  readonly spec: BatchSpec;
  readonly selected: Selected;
  readonly step: number;
}

const makers = new Map<number, BatchMaker>();
const files = new Map<string, PictureFile>();

function fileOf({ path, side }: BatchJob): PictureFile {
  const file = files.get(path) ?? new PictureFile(path, side);
  files.set(path, file);
  return file;
}

serveJobs<BatchJob, AnyBatch>((job) => {
  const maker = makers.get(job.source) ?? new BatchMaker(job.spec, job.selected, fileOf(job));
  makers.set(job.source, maker);
  const result = maker.make(job.step);
  return { result, transfer: Object.values(result).map(({ data }) => data.buffer) };
});
