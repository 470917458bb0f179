import { type IntervalRow, intervalChart } from "@peco/report";
import { compare, type Endpoint, exploratory, level, primary, secondaryOf } from "./compare.ts";
import type { StudyResults } from "./results.ts";
import { budgetName } from "./study.ts";
import { words } from "./words.ts";

/** A picture file of a study's page. */
export interface Plot {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

/** The plots of a study: top-1 of every arm at each budget, and the differences from PeCo. Those without any figure are left out. */
export async function studyPlots(results: StudyResults): Promise<Plot[]> {
  const plots: Plot[] = [];
  for (const [i, budget] of results.budgets.entries()) {
    const rows = results.arms.flatMap(({ name, title }): IntervalRow[] => {
      const found = level(results, name, ({ figures }) => figures["top1"], i);
      return found === null ? [] : [{ name: title, ...found, accent: name === "peco" }];
    });
    if (rows.length === 0) continue;
    const title = `Top-1 at ${budgetName(budget)}: seeds, mean and 95 % interval`;
    plots.push({ name: `top1-${budget ?? "all"}.svg`, title, svg: await intervalChart(rows, { title, x: "top-1" }) });
  }
  const rows = differenceRows(results);
  if (rows.length > 0) {
    const title = "Differences per seed, mean and 95 % interval";
    plots.push({
      name: "differences.svg",
      title,
      svg: await intervalChart(rows, { title, x: "difference", at: 0 }),
    });
  }
  return plots;
}

function differenceRows(results: StudyResults): IntervalRow[] {
  const title = (name: string) => results.arms.find((arm) => arm.name === name)?.title ?? name;
  const name = ({ first, second, figure, budget }: Endpoint) =>
    `${title(first)} − ${title(second)}, ${figure === "top1" ? budgetName(results.budgets[budget] ?? null) : words.figure(figure)}`;
  const endpoints = [primary, ...secondaryOf(results), ...exploratory].filter(
    ({ budget }) => budget < results.budgets.length,
  );
  return endpoints.flatMap((endpoint): IntervalRow[] => {
    const found = compare(results, endpoint);
    if (found === null) return [];
    const { differences, result } = found;
    return [
      {
        name: name(endpoint),
        values: differences,
        mean: result.mean,
        interval: result.interval,
        accent: endpoint === primary,
      },
    ];
  });
}
