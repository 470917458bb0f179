import { spawn } from "node:child_process";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Wheel } from "./distribution.ts";
import { CacheNotWritableError, DownloadError, InstallerMissingError, WheelMismatchError } from "./errors.ts";

/** The user's own pip or uv, so that their mirrors, proxies, certificates and passwords apply. */
export interface Installer {
  readonly kind: "pip" | "uv";
  /** The command that starts it, such as `["python3", "-m", "pip"]`. */
  readonly command: readonly [string, ...string[]];
}

/** What an installer left: a wheel, or (uv) the files of one, already unpacked. */
export type Delivery = { readonly wheel: string } | { readonly unpacked: string };

const candidates: readonly Installer[] = [
  { kind: "pip", command: ["python3", "-m", "pip"] },
  { kind: "pip", command: ["pip3"] },
  { kind: "pip", command: ["pip"] },
  { kind: "pip", command: ["python", "-m", "pip"] },
  { kind: "uv", command: ["uv"] },
];

/** Finds pip or uv on the PATH of `env`. Throws `InstallerMissingError`. */
export async function findInstaller(env: NodeJS.ProcessEnv): Promise<Installer> {
  for (const installer of candidates) {
    const { code } = await run([...installer.command, "--version"], env);
    if (code === 0) return installer;
  }
  const tried = candidates.map(({ command }) => `\`${command.join(" ")}\``).join(", ");
  throw new InstallerMissingError(
    `TensorFlow's library comes as a Python wheel, and there is no pip or uv to fetch it with (tried ${tried}).`,
    "Install Python 3 with pip, or uv, or set LIBTENSORFLOW_DIR to a folder that holds libtensorflow_cc.",
  );
}

/**
 * Fetches one pinned wheel into `folder`. The installer checks the hash while it is at it (`--require-hashes`).
 * Throws `DownloadError`, `WheelMismatchError` or `CacheNotWritableError`, each with what the installer said.
 */
export async function download(
  installer: Installer,
  wheel: Wheel,
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<Delivery> {
  const out = join(folder, "out");
  await mkdir(out, { recursive: true });
  const requirements = join(folder, "requirements.txt");
  await writeFile(requirements, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
  const args = installer.kind === "pip" ? pipArguments(wheel) : uvArguments(wheel);
  const into = installer.kind === "pip" ? "--dest" : "--target";
  const command = [
    ...installer.command,
    ...args,
    into,
    out,
    "--require-hashes",
    "--requirement",
    requirements,
  ] as const;
  const result = await run(command, {
    ...env,
    // Temporary files stay on the cache's disk and go with its work folder; the user's own settings may not stop a
    // download that installs nothing, or wait for someone to type a password.
    TMPDIR: folder,
    UV_CACHE_DIR: join(folder, "uv"),
    PIP_NO_CACHE_DIR: "1",
    PIP_REQUIRE_VIRTUALENV: "0",
    PIP_NO_INPUT: "1",
    PIP_DISABLE_PIP_VERSION_CHECK: "1",
    PIP_PROGRESS_BAR: "off",
    LC_ALL: "C.UTF-8",
  });
  if (result.code !== 0) throw failure(installer, wheel, result.output);
  if (installer.kind === "uv") return { unpacked: out };
  const name = (await readdir(out)).find((file) => file.endsWith(".whl"));
  if (name === undefined) throw failure(installer, wheel, result.output);
  return { wheel: join(out, name) };
}

/** The Python that the wheels are made for; which one the machine has does not matter. */
const python = "3.11";

function pipArguments(wheel: Wheel): string[] {
  const platforms = wheel.pipPlatforms.flatMap((platform) => ["--platform", platform]);
  return [
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--implementation=cp",
    `--python-version=${python}`,
    ...platforms,
  ];
}

// uv can't save a wheel, but installs one for another platform into any folder.
function uvArguments(wheel: Wheel): string[] {
  const common = ["--no-deps", "--only-binary=:all:", "--link-mode=hardlink", "--no-progress"];
  return ["pip", "install", ...common, `--python-version=${python}`, `--python-platform=${wheel.uvPlatform}`];
}

const reasons = [
  {
    pattern: /python-build-standalone|no interpreter found|no module named pip/i,
    make: (said: string) =>
      new InstallerMissingError(
        `There is no Python 3 that it could use to fetch TensorFlow's library. ${said}`,
        "Install Python 3, or set LIBTENSORFLOW_DIR to a folder that holds libtensorflow_cc.",
      ),
  },
  {
    pattern: /do not match the hash|hash mismatch|is invalid|bad ?zip|not a zip|invalid zip/i,
    make: (said: string, name: string) =>
      new WheelMismatchError(
        `What was delivered as ${name} is not the file that is pinned here: its SHA-256 differs. ${said}`,
        "Try again; if it stays so, the package index or mirror in your pip or uv settings serves another file.",
      ),
  },
  {
    pattern: /no space left|errno 28|disk quota|os error 28|os error 122/i,
    make: (said: string, name: string) =>
      new CacheNotWritableError(
        `The disk filled up while ${name} was fetched. ${said}`,
        "Free some space and try again.",
      ),
  },
  {
    pattern: /connection|network|resolve|resolution|timed? ?out|proxy|ssl|certificate|dns|unreachable|error sending/i,
    make: (said: string, name: string) =>
      new DownloadError(
        `The package index could not be reached to fetch ${name}. ${said}`,
        "Check the network and the index, proxy and certificate settings of pip or uv, then try again.",
      ),
  },
];

function failure(installer: Installer, wheel: Wheel, output: string): Error {
  const name = `${wheel.project} ${wheel.version}`;
  const said = `${installer.command.join(" ")} said: ${lastWords(output)}`;
  for (const { pattern, make } of reasons) if (pattern.test(output)) return make(said, name);
  return new DownloadError(
    `${name} could not be fetched for ${wheel.pipPlatforms[0]}. ${said}`,
    "Check that the package index in your pip or uv settings has this version.",
  );
}

/** The errors of a long output, in one line. */
function lastWords(output: string): string {
  const lines = output.split("\n").map((line) => line.trim());
  const errors = lines.filter((line) => /^(error|cause|expected|got|×|╰|├)/i.test(line));
  const words = (errors.length > 0 ? errors : lines.filter((line) => line !== "").slice(-2)).join(" ");
  return words === "" ? "nothing" : words.slice(0, 600);
}

async function run(
  [program, ...args]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; output: string }> {
  return await new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const collect = (chunk: Buffer) => {
      // Both ends of a long output say what happened; a hash mismatch is told in the last few lines.
      output = (output + chunk.toString("utf8")).slice(-20_000);
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => resolve({ code: 127, output: error.message }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
