/** A method as ts-proto describes it: unary, or with a stream of responses. */
export interface Method {
  readonly path: string;
  readonly requestStream: false;
  readonly responseStream: boolean;
  readonly requestSerialize: (value: never) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** A service as ts-proto describes it, such as `stage.StageServiceService` of @peco/proto. */
export type Methods = { readonly [name: string]: Method };

/** What a method takes. */
export type RequestOf<M extends Method> = Parameters<M["requestSerialize"]>[0];

/** What a method gives, once or as a stream. */
export type ResponseOf<M extends Method> = ReturnType<M["responseDeserialize"]>;

/** The name of the service that a method belongs to: `peco.stage.v1.StageService` of `/peco.stage.v1.StageService/Start`. */
export function serviceName(definition: Methods): string {
  const [first] = Object.values(definition);
  return first?.path.split("/")[1] ?? "";
}
