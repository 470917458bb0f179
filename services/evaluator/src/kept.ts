import type { z } from "zod";
import type { Pass } from "./pictures-in-order.ts";

/**
 * A part of the evaluation: what it measured before the stage was killed, if it was finished then, or measured now and kept. What is
 * measured has to be plain JSON of the form that `schema` says.
 */
export async function kept<T extends z.core.util.JSONType>(
  { checkpoints }: Pass,
  part: string,
  schema: z.ZodType<T>,
  measure: () => Promise<T>,
): Promise<T> {
  const known = schema.safeParse(checkpoints.result(part));
  if (known.success) return known.data;
  const measured = await measure();
  await checkpoints.saveResult(part, measured);
  return measured;
}
