// Builds what is published into dist/: JavaScript with the tfjs-node kernels inside, declarations, package.json.
// usage: node scripts/build.ts
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";

const root = new URL("../", import.meta.url).pathname;
const dist = join(root, "dist");
const source = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  exports: Record<string, `./src/${string}.ts`>;
  dependencies: Record<"@tensorflow/tfjs-core" | "koffi", string>;
};

rmSync(dist, { recursive: true, force: true });
execFileSync(join(root, "../../node_modules/.bin/tsc"), ["-p", join(root, "tsconfig.build.json")], {
  stdio: "inherit",
});
for (const name of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
  if (!name.endsWith(".d.ts")) continue;
  const path = join(dist, name);
  const text = readFileSync(path, "utf8")
    // TypeScript leaves the sources' extension in declarations, and imports for their effect, which are in the bundle.
    .replaceAll(/(["'])(\.{1,2}\/[^"'\n]*)\.ts\1/g, "$1$2.js$1")
    .replaceAll(/^import "[^"]*";\n/gm, "");
  writeFileSync(path, text);
}

// The kernels' backend needs it for TensorBoard's histograms alone, which are not offered here.
const withoutProtobuf: Plugin = {
  name: "without-protobuf",
  setup({ onLoad }) {
    onLoad({ filter: /tfjs-node-gpu\/dist\/proto\/api_pb\.js$/ }, () => ({ contents: "module.exports = {};" }));
  },
};

// The program's own tfjs-core, and no second one. Its gradients are another matter: they can't be imported from it by Node,
// so they are bundled with the operations that they use, as tfjs-layers and tfjs do; all copies share one global engine.
const sharedCore: Plugin = {
  name: "shared-core",
  setup({ onResolve }) {
    onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** What programs import, by the name under which it is exported: a module's path without folder and extension. */
const modules = Object.entries(source.exports).map(([name, path]) => [name, path.slice("./src/".length, -3)] as const);

await build({
  entryPoints: [...modules.map(([, module]) => module), "library/cli"].map((name) => join(root, `src/${name}.ts`)),
  outbase: join(root, "src"),
  outdir: dist,
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node22",
  // tfjs-node's install script downloads an addon that is frozen, so its kernels are carried here instead of the
  // package; they ask for the whole of tfjs and get its core.
  alias: { "@tensorflow/tfjs": join(root, "scripts/tfjs.js") },
  external: ["koffi"],
  plugins: [withoutProtobuf, sharedCore],
  legalComments: "eof",
  banner: {
    js: 'import{createRequire as $createRequire}from"node:module";const require=$createRequire(import.meta.url);',
  },
  logLevel: "warning",
});

copyFileSync(join(root, "../../LICENSE"), join(dist, "LICENSE"));
copyFileSync(join(root, "README.md"), join(dist, "README.md"));
copyFileSync(join(root, "NOTICE"), join(dist, "NOTICE"));
const manifest = {
  name: "tfjs-libtensorflow",
  version: source.version,
  description: "TensorFlow.js on a current libtensorflow, without a native addon: a backend, compiled steps, bfloat16",
  keywords: ["tensorflow", "tfjs", "tfjs-node", "libtensorflow", "xla", "bfloat16", "machine learning"],
  license: "Apache-2.0",
  type: "module",
  exports: Object.fromEntries(
    modules.map(([name, module]) => [name, { types: `./${module}.d.ts`, default: `./${module}.js` }]),
  ),
  types: "./index.d.ts",
  bin: { "tfjs-libtensorflow": "library/cli.js" },
  engines: { node: ">=22" },
  os: ["linux", "darwin"],
  dependencies: { koffi: `^${source.dependencies.koffi}` },
  // One copy for the whole program: tfjs-layers and other packages on tfjs-core have to see this backend.
  peerDependencies: { "@tensorflow/tfjs-core": `~${source.dependencies["@tensorflow/tfjs-core"]}` },
};
writeFileSync(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
