import { UnsupportedPlatformError } from "./errors.ts";

/** One file of a Python package index, pinned. */
export interface Wheel {
  /** Name of the Python package. */
  readonly project: string;
  readonly version: string;
  /** Platform tags to ask pip for, as in the wheel's file name. */
  readonly pipPlatforms: readonly string[];
  /** What uv calls the same platform. */
  readonly uvPlatform: string;
  readonly sha256: string;
  /** Size of the wheel. */
  readonly bytes: number;
  /** Size of what is kept of it. */
  readonly keptBytes: number;
  /** Which files of the wheel are kept. */
  readonly keep: RegExp;
}

/** A libtensorflow as it is fetched and kept: one or more wheels in one folder of the cache. */
export interface Distribution {
  /** Names the build, `cpu` or `cuda12`. */
  readonly build: "cpu" | "cuda12";
  /** Name of the folder in the cache. */
  readonly folder: string;
  /** TensorFlow's version. */
  readonly version: string;
  readonly wheels: readonly Wheel[];
  /** The two shared objects, relative to the folder. */
  readonly cc: string;
  readonly framework: string;
}

const version = "2.21.0";
/** The two shared objects that export the C API, and the licences that they come under. */
const keepTensorflow =
  /^tensorflow\/(libtensorflow_(cc|framework)\.(so\.2|2\.dylib)|THIRD_PARTY_NOTICES\.txt|include\/LICENSE)$/;
/** The shared objects, and what XLA runs and links: `ptxas` and libdevice. */
const keepNvidia = /^nvidia\/.*(\.so(\.\d+)*|\/ptxas|\/libdevice\.\d+\.bc)$|\.dist-info\/(.*\/)?License\.txt$/;

type TensorflowWheel = Pick<Wheel, "project" | "sha256" | "bytes" | "keptBytes">;

function tensorflow(pipPlatform: string, uvPlatform: string, wheel: TensorflowWheel): Wheel {
  return { ...wheel, version, pipPlatforms: [pipPlatform], uvPlatform, keep: keepTensorflow };
}

function nvidia(project: string, version: string, bytes: number, keptBytes: number, sha256: string): Wheel {
  const pipPlatforms = ["2_27", "2_17", "2_12"].map((glibc) => `manylinux_${glibc}_x86_64`);
  return {
    project: `nvidia-${project}-cu12`,
    version,
    pipPlatforms: [...pipPlatforms, "manylinux2014_x86_64", "manylinux2010_x86_64"],
    uvPlatform: "x86_64-manylinux_2_28",
    sha256,
    bytes,
    keptBytes,
    keep: keepNvidia,
  };
}

function distribution(build: Distribution["build"], platform: string, wheels: readonly Wheel[]): Distribution {
  const name = (part: string) =>
    `tensorflow/libtensorflow_${part}.${platform.startsWith("darwin") ? "2.dylib" : "so.2"}`;
  const folder = `${version}-${build}-${platform}`;
  return { build, folder, version, wheels, cc: name("cc"), framework: name("framework") };
}

// The index has `tensorflow-cpu` for x64 alone. The Python tag is always cp311: only the shared objects are used, so
// the machine's own Python does not matter.
const cpu: Readonly<Record<string, Distribution>> = {
  "linux-x64": distribution("cpu", "linux-x64", [
    tensorflow("manylinux_2_27_x86_64", "x86_64-manylinux_2_28", {
      project: "tensorflow-cpu",
      sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
      bytes: 273_829_956,
      keptBytes: 853_787_275,
    }),
  ]),
  "linux-arm64": distribution("cpu", "linux-arm64", [
    tensorflow("manylinux_2_27_aarch64", "aarch64-manylinux_2_28", {
      project: "tensorflow",
      sha256: "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
      bytes: 281_828_020,
      keptBytes: 883_540_547,
    }),
  ]),
  "darwin-arm64": distribution("cpu", "darwin-arm64", [
    tensorflow("macosx_12_0_arm64", "aarch64-apple-darwin", {
      project: "tensorflow",
      sha256: "51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88",
      bytes: 223_405_849,
      keptBytes: 741_283_963,
    }),
  ]),
};

// What `tensorflow[and-cuda]` 2.21.0 resolved to when it was pinned. TensorFlow finds them by `$ORIGIN/../nvidia/*/lib`.
const cuda: Readonly<Record<string, Distribution>> = {
  "linux-x64": distribution("cuda12", "linux-x64", [
    tensorflow("manylinux_2_27_x86_64", "x86_64-manylinux_2_28", {
      project: "tensorflow",
      sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
      bytes: 572_440_367,
      keptBytes: 1_259_499_419,
    }),
    nvidia(
      "cublas",
      "12.9.3.13",
      581_217_458,
      855_123_678,
      "d7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72",
    ),
    nvidia(
      "cuda-cupti",
      "12.8.90",
      10_248_621,
      41_371_238,
      "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
    ),
    nvidia(
      "cuda-nvcc",
      "12.9.86",
      40_546_229,
      98_058_022,
      "5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0",
    ),
    nvidia(
      "cuda-nvrtc",
      "12.9.86",
      89_568_129,
      227_400_254,
      "210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4",
    ),
    nvidia(
      "cuda-runtime",
      "12.9.79",
      3_493_179,
      800_350,
      "25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3",
    ),
    nvidia(
      "cudnn",
      "9.28.0.42",
      716_538_495,
      1_162_411_646,
      "9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375",
    ),
    nvidia(
      "cufft",
      "11.4.1.4",
      200_877_592,
      293_668_678,
      "c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28",
    ),
    nvidia(
      "curand",
      "10.3.10.19",
      68_295_626,
      167_024_694,
      "49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e",
    ),
    nvidia(
      "cusolver",
      "11.7.5.82",
      338_117_415,
      495_034_326,
      "15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88",
    ),
    nvidia(
      "cusparse",
      "12.5.10.65",
      366_465_088,
      486_615_630,
      "73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78",
    ),
    nvidia(
      "nccl",
      "2.32.3",
      351_526_311,
      473_616_431,
      "bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c",
    ),
    nvidia(
      "nvjitlink",
      "12.9.86",
      39_748_338,
      95_994_606,
      "e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9",
    ),
  ]),
};

/**
 * The pinned distribution for a platform in Node's words (`process.platform`, `process.arch`).
 * Throws `UnsupportedPlatformError` where there is none.
 */
export function distributionFor(platform: string, arch: string, build: Distribution["build"]): Distribution {
  const found = (build === "cpu" ? cpu : cuda)[`${platform}-${arch}`];
  if (found !== undefined) return found;
  const kinds = build === "cpu" ? "Linux x64, Linux arm64 and macOS arm64" : "Linux x64";
  throw new UnsupportedPlatformError(
    `There is no ${build === "cpu" ? "" : "CUDA 12 "}wheel of TensorFlow ${version} for ${platform}-${arch}; there is one for ${kinds}.`,
    build === "cpu"
      ? "Use one of these, or set LIBTENSORFLOW_DIR to a folder with a libtensorflow_cc of your own."
      : "Set LIBTENSORFLOW_GPU=0 to use the CPU build.",
  );
}
