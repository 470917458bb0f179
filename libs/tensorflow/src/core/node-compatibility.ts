import util from "node:util";

/**
 * The kernels of tfjs-node 4.22 call two functions of `node:util` that newer versions of Node have removed, or warn about. They are put
 * back, as they were.
 */
const legacy = util as unknown as Record<string, unknown>;
legacy["isNullOrUndefined"] = (value: unknown) => value === null || value === undefined;
legacy["isArray"] = Array.isArray;
