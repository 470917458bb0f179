import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

/** What doctor found about one thing. */
export interface Check {
  readonly check: string;
  /** `missing` keeps `./peco run` from working; `note` is worth knowing. */
  readonly state: "ok" | "note" | "missing";
  readonly found: string;
  /** What to do, where there is something to do. */
  readonly remedy: string | null;
  /** What `./peco run` would end with. */
  readonly exitCode: number | null;
}

/** All is well. */
export function ok(check: string, found: string): Check {
  return { check, state: "ok", found, remedy: null, exitCode: null };
}

/** Worth knowing. */
export function note(check: string, found: string, remedy: string): Check {
  return { check, state: "note", found, remedy, exitCode: null };
}

/** `./peco run` cannot work. */
export function missing(check: string, found: string, remedy: string, exitCode: number): Check {
  return { check, state: "missing", found, remedy, exitCode };
}

/** What a program says on standard output; null when it is not there, fails, or takes longer than ten seconds. */
export async function says(command: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<string | null> {
  const path = onPath(command, env);
  if (path === null) return null;
  const ran = await promisify(execFile)(path, words, { env, timeout: 10_000 }).catch(() => null);
  return ran === null ? null : ran.stdout.trim();
}

/** Where a program lies on the PATH. */
export function onPath(command: string, env: NodeJS.ProcessEnv): string | null {
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    if (folder === "") continue;
    const path = join(folder, command);
    try {
      accessSync(path, constants.X_OK);
      if (statSync(path).isFile()) return path;
    } catch {}
  }
  return null;
}
