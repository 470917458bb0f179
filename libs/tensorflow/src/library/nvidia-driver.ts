import { existsSync } from "node:fs";

/** Places where a working NVIDIA driver shows itself on Linux; the last is WSL's. */
const signs = ["/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1"];

/** Whether this machine has an NVIDIA driver. */
export function hasNvidiaDriver(exists: (path: string) => boolean = existsSync): boolean {
  return signs.some((path) => exists(path));
}
