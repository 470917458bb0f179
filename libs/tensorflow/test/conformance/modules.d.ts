// What the bundle imports and has no declarations that Node's resolution finds.

declare module "backend-under-test" {}
declare module "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops" {}
declare module "@tensorflow/tfjs-core/dist/register_all_gradients" {}
declare module "@tensorflow/tfjs-core/dist/tests" {}
declare module "@tensorflow/tfjs-core/dist/jasmine_util" {
  export function setTestEnvs(
    environments: readonly { name: string; backendName: string; flags: object; isDataSync: boolean }[],
  ): void;
}

declare module "jasmine-core/lib/jasmine-core/jasmine.js" {
  const required: {
    core(required: unknown): typeof jasmine;
    interface(core: typeof jasmine, environment: JasmineEnvironment): object;
  };
  export default required;
}

interface JasmineSpec {
  readonly id: string;
  getFullName(): string;
}

interface JasmineResult {
  readonly id: string;
  readonly status: string;
  readonly failedExpectations: readonly { readonly message: string; readonly stack?: string }[];
}

interface JasmineEnvironment {
  configure(options: { random: boolean; specFilter(spec: JasmineSpec): boolean }): void;
  addReporter(reporter: { specStarted(result: JasmineResult): void; specDone(result: JasmineResult): void }): void;
  execute(): Promise<unknown>;
}

declare const jasmine: { getEnv(options?: { suppressLoadErrors: boolean }): JasmineEnvironment };
