import { api } from "../ffi/api.ts";
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

/** The one TensorFlow context of this thread, made on the first call with the settings of `configure`. It lives as long as the thread. */
export function tensorflowContext(): bigint {
  context ??= create();
  return context;
}

/** The devices that TensorFlow found, CPU first. Starts TensorFlow. */
export function devices(): Device[] {
  const c = api();
  const list = c.TFE_ContextListDevices(tensorflowContext(), status());
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
