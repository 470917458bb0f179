import { InvalidArgumentError, Option } from "commander";

/** The option that names the store. */
export const store = () =>
  new Option("--store <dir>", "folder of artifacts and runs (default: store/ in this checkout)");

/** The option of every command that gives a document. */
export const json = () =>
  new Option("--json", "print one JSON document on standard output (docs/json.md); logs go to standard error");

/** Collects an option that may be given again. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A whole number from 1. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("It must be a whole number from 1.");
  return value;
}

/** A share below 1. */
export function toleranceOf(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value < 1))
    throw new InvalidArgumentError("It must be a share, such as 0.05.");
  return value;
}

/** A seed. */
export function seed(text: string): bigint {
  if (!/^\d{1,19}$/.test(text))
    throw new InvalidArgumentError("It must be a whole number from 0 with at most 19 digits.");
  return BigInt(text);
}

/** Seeds, none twice. */
export function seedList(text: string): bigint[] {
  const seeds = text.split(",").map((part) => seed(part.trim()));
  if (new Set(seeds).size !== seeds.length) throw new InvalidArgumentError("A seed is there twice.");
  return seeds;
}

/** Words between commas. */
export function list(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

/** Numbers of labels, `all` being null. */
export function budgetList(text: string): (number | null)[] {
  const budgets = list(text).map((part) => (part === "all" ? null : positive(part)));
  if (new Set(budgets).size !== budgets.length) throw new InvalidArgumentError("A number is there twice.");
  return budgets;
}

/** A number of hours. */
export function hours(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return value;
}
