import { z } from "zod";

/** The variable that holds the token when whoever starts a service chooses it. */
export const tokenVariable = "PECO_SERVICE_TOKEN";

/** The flag of a service that has to end when its standard input does: when whoever started it is gone. */
export const withParentFlag = "--with-parent";

/** The one line that a service prints on standard output: where it listens, or why it does not. */
export const readyLine = z.union([
  z.strictObject({ address: z.string(), port: z.int(), token: z.string() }),
  z.strictObject({
    failure: z.strictObject({
      name: z.string(),
      message: z.string(),
      exitCode: z.int(),
      remedy: z.string(),
      path: z.string(),
    }),
  }),
]);
/** See {@link readyLine}. */
export type ReadyLine = z.infer<typeof readyLine>;
