import type { Store } from "@peco/artifacts";

/** Writes a run's reproducibility card beside its record, as JSON and as a page. */
export async function writeCard(store: Store, run: string): Promise<void> {
  const { makeCard, renderCard } = await import("@peco/report");
  const card = await makeCard(store, run);
  await store.runs.writeFile(run, "card.json", `${JSON.stringify(card, null, 2)}\n`);
  await store.runs.writeFile(run, "card.html", renderCard(card));
}
