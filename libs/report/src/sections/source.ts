import { short } from "../format.ts";
import type { SeedData } from "../gather.ts";
import { type Html, html } from "../html.ts";

/** A line that leads from a section's numbers to the artifacts that hold them. */
export function sourceLine(seeds: readonly SeedData[], stage: string): Html | null {
  const digests = [...new Set(seeds.flatMap((seed) => seed.stages.find(({ name }) => name === stage)?.artifact ?? []))];
  if (digests.length === 0) return null;
  return html`<p class="source">From ${digests.map((digest, i) => html`${i > 0 ? ", " : ""}<a href="#a-${short(digest)}">${short(digest)}</a>`)}</p>`;
}
