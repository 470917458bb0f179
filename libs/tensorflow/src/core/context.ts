import { TensorFlowError } from "../errors.ts";
import { api } from "../ffi/api.ts";
import { log } from "../logger.ts";
import { fixConfiguration } from "./config.ts";
import { bytesField, integerField } from "./protobuf.ts";
import { check, status } from "./status.ts";

/** One device of the TensorFlow context. */
export interface Device {
  /** TensorFlow's name, such as `/job:localhost/replica:0/task:0/device:GPU:0`. */
  readonly name: string;
  readonly type: "CPU" | "GPU" | (string & {});
  readonly memoryBytes: number;
}

let context: bigint | undefined;
let chosen: Device | undefined;

/** The one TensorFlow context of this thread, made on the first call with the settings of `configure`. It lives as long as the thread. */
export function tensorflowContext(): bigint {
  if (context === undefined) {
    const made = create();
    chosen = choose(devicesOf(made));
    context = made;
    log("info", `TensorFlow ${tensorflowVersion()} runs on ${chosen.name}`, {
      device: chosen,
      settings: fixConfiguration(),
    });
  }
  return context;
}

/** The device that operations run on where they can: the first GPU, if there is one and it is not to be left alone. Starts TensorFlow. */
export function chosenDevice(): Device {
  tensorflowContext();
  return chosen as Device;
}

function choose(found: Device[]): Device {
  const gpu = found.find(({ type }) => type === "GPU");
  if (fixConfiguration().device === "gpu" && gpu === undefined)
    throw new TensorFlowError(
      "NOT_FOUND",
      `device "gpu" was asked for, and TensorFlow found none; there are ${found.map(({ name }) => name).join(", ")}`,
    );
  return gpu ?? (found[0] as Device);
}

/** The devices that TensorFlow found, CPU first. Starts TensorFlow. */
export function devices(): Device[] {
  return devicesOf(tensorflowContext());
}

function devicesOf(of: bigint): Device[] {
  const c = api();
  const list = c.TFE_ContextListDevices(of, status());
  check(status());
  const found = Array.from({ length: c.TF_DeviceListCount(list) }, (_, i) => ({
    name: c.TF_DeviceListName(list, i, status()),
    type: c.TF_DeviceListType(list, i, status()),
    memoryBytes: Number(c.TF_DeviceListMemoryBytes(list, i, status())),
  }));
  c.TF_DeleteDeviceList(list);
  return found;
}

/** Version of the TensorFlow library. */
export function tensorflowVersion(): string {
  return api().TF_Version();
}

function create(): bigint {
  const c = api();
  const options = c.TFE_NewContextOptions();
  const config = Uint8Array.from(configProto());
  c.TFE_ContextOptionsSetConfig(options, config, config.length, status());
  check(status(), () => ({ op: "TFE_ContextOptionsSetConfig" }));
  const made = c.TFE_NewContext(options, status());
  c.TFE_DeleteContextOptions(options);
  check(status(), () => ({ op: "TFE_NewContext" }));
  return made;
}

/** `tensorflow.ConfigProto`: device_count = 1 (a map), intra_op = 2, inter_op = 5, gpu_options = 6, allow_soft_placement = 7. */
function configProto(): number[] {
  const { intraOpThreads, interOpThreads, device } = fixConfiguration();
  const noGpu = bytesField(1, [...bytesField(1, "GPU"), ...integerField(2, 0)]);
  const growMemory = bytesField(6, integerField(4, 1));
  return [
    ...(device === "cpu" ? noGpu : growMemory),
    ...integerField(2, intraOpThreads),
    ...integerField(5, interOpThreads),
    ...integerField(7, 1),
  ];
}
