/** Which device eager operations and compiled steps run on. */
export type DeviceChoice = "auto" | "cpu" | "gpu";

/** Settings of the TensorFlow context. They are fixed by the first operation. */
export interface Configuration {
  /** Threads inside one operation; it changes the last bits of sums. @default 0: as many as there are cores */
  readonly intraOpThreads: number;
  /** Threads over operations. @default 0: as many as there are cores */
  readonly interOpThreads: number;
  /** `auto` takes the GPU when there is one. @default "auto" */
  readonly device: DeviceChoice;
}

let current: Configuration = { intraOpThreads: 0, interOpThreads: 0, device: "auto" };
let fixed = false;

/**
 * Sets threads and device, before the first operation; what is left out stays as it is. Returns the settings in force.
 * Throws `RangeError` for a number of threads that is none, `Error` when TensorFlow already runs with other settings.
 */
export function configure(change: Partial<Configuration> = {}): Configuration {
  const next = { ...current, ...change };
  for (const name of ["intraOpThreads", "interOpThreads"] as const)
    if (!Number.isInteger(next[name]) || next[name] < 0)
      throw new RangeError(
        `${name} is a whole number of threads, 0 for as many as there are cores; it was ${next[name]}`,
      );
  const changed = (Object.keys(next) as (keyof Configuration)[]).filter((name) => next[name] !== current[name]);
  if (fixed && changed.length > 0)
    throw new Error(
      `configure(${JSON.stringify(change)}) came too late: TensorFlow already runs with ${JSON.stringify(current)}, which the first operation fixed`,
    );
  current = next;
  return current;
}

/** The settings, from now on fixed. */
export function fixConfiguration(): Configuration {
  fixed = true;
  return current;
}
