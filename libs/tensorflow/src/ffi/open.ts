import koffi, { type LibraryHandle } from "koffi";
import { locateLibrary, WrongLibraryError } from "../library/index.ts";

const linux = process.platform === "linux";
const RTLD_NOW = 2;
const RTLD_GLOBAL = linux ? 0x100 : 0x8;
const RTLD_NODELETE = linux ? 0x1000 : 0x80;

// XLA's compiler needs far more stack than koffi's 128 KiB for asynchronous calls. The memory is mapped, and touched only when used.
const STACK_BYTES = 16 << 20;

const oldestMinor = 21;
const howToReplace =
  "Remove it and fetch TensorFlow's library again, or set LIBTENSORFLOW_DIR to one that was built for this system.";

/**
 * Opens both shared objects of TensorFlow and the C library.
 *
 * TensorFlow's threads outlive the moment when Node unloads its libraries (at the end of the process, and at the end of each worker
 * thread); code that goes away under them is a SIGSEGV in place of the exit code. So both are pinned first, by `dlopen` with
 * `RTLD_NODELETE`, and never leave the process.
 */
export function openPinned(): { cc: LibraryHandle; framework: LibraryHandle; libc: LibraryHandle } {
  const library = locateLibrary();
  widenStacks();
  const libc = koffi.load(linux ? "libc.so.6" : "libSystem.B.dylib");
  const dlopen = libc.func("dlopen", "void *", ["str", "int"]);
  const dlerror = libc.func("dlerror", "str", []);
  const pin = (path: string, flags: number) => {
    if (dlopen(path, flags) === null)
      throw new WrongLibraryError(`${path} could not be loaded: ${dlerror() ?? "no reason given"}.`, howToReplace, {
        path,
      });
  };
  // TensorFlow's chatter on standard error (oneDNN is on, CPU features) is no news; it is shown when it is asked for.
  const level = Number(process.env["TF_CPP_MIN_LOG_LEVEL"] ?? 2);
  const pinFramework = () => pin(library.framework, RTLD_NOW | RTLD_NODELETE | RTLD_GLOBAL);
  if (level > 0) withoutStandardError(libc, pinFramework);
  else pinFramework();
  const framework = koffi.load(library.framework);
  setLogLevel(framework, level);
  pin(library.cc, RTLD_NOW | RTLD_NODELETE);
  const cc = koffi.load(library.cc);
  checkVersion(cc, library.cc);
  return { cc, framework, libc };
}

/** The C API grows from version to version: an older one lacks functions, a newer one (of the same number before the dot) has all. */
function checkVersion(cc: LibraryHandle, path: string): void {
  let version: string;
  try {
    version = String(cc.func("TF_Version", "str", [])());
  } catch (cause) {
    throw new WrongLibraryError(`${path} does not export TensorFlow's C API.`, howToReplace, { path, cause });
  }
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 2 || minor < oldestMinor)
    throw new WrongLibraryError(
      `${path} is TensorFlow ${version}, and 2.${oldestMinor} or later (below 3) is needed.`,
      howToReplace,
      { path },
    );
}

/**
 * Runs `body` with standard error pointing nowhere: the library talks while it is loaded, before its log level can be set, and it heeds
 * TF_CPP_MIN_LOG_LEVEL only later.
 */
function withoutStandardError(libc: LibraryHandle, body: () => void): void {
  const open = libc.func("open", "int", ["str", "int"]);
  const dup = libc.func("dup", "int", ["int"]);
  const dup2 = libc.func("dup2", "int", ["int", "int"]);
  const close = libc.func("close", "int", ["int"]);
  const nowhere = open("/dev/null", 1);
  const kept = dup(2);
  if (nowhere < 0 || kept < 0) {
    body();
    return;
  }
  dup2(nowhere, 2);
  try {
    body();
  } finally {
    dup2(kept, 2);
    close(kept);
    close(nowhere);
  }
}

/** Sets the level below which the library is silent. Nothing in the C API does. */
function setLogLevel(framework: LibraryHandle, level: number): void {
  try {
    framework.func("_ZN4absl12lts_2025081414SetMinLogLevelENS0_18LogSeverityAtLeastE", "void", ["int"])(level);
  } catch {
    // Another build of the library names it otherwise, and its chatter is harmless.
  }
}

function widenStacks(): void {
  try {
    koffi.config({ ...koffi.config(), async_stack_size: STACK_BYTES, sync_stack_size: STACK_BYTES });
  } catch {
    // Another part of the program has loaded a library through koffi already, and koffi's settings are fixed from then on.
  }
}
