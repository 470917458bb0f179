import { setTestEnvs } from "@tensorflow/tfjs-core/dist/jasmine_util";

// As @tensorflow/tfjs-node names it, so that the names of its list of ignored specs fit. Before any spec is imported.
setTestEnvs([{ name: "test-tensorflow", backendName: "tensorflow", flags: {}, isDataSync: true }]);
