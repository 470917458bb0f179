import { devices, tensorflowVersion } from "tfjs-libtensorflow";

// Started as a process of its own by `tensorflowRuntime`.
const names = devices().map(({ name }) => name.slice(name.lastIndexOf("device:") + "device:".length));
process.stdout.write(JSON.stringify({ version: tensorflowVersion(), devices: names }));
