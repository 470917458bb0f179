import { codeName, type Operands, TensorFlowError } from "../errors.ts";
import { api } from "../ffi/api.ts";

let shared: bigint | undefined;

/** The status object of all calls that are made and checked on this thread at once. Asynchronous calls need one of their own. */
export function status(): bigint {
  shared ??= api().TF_NewStatus();
  return shared;
}

/** Throws `TensorFlowError` when the status is not OK. */
export function check(of: bigint, operands?: () => Operands): void {
  const code = api().TF_GetCode(of);
  if (code !== 0) throw new TensorFlowError(codeName(code), cleaned(api().TF_Message(of)), operands?.());
}

/** TensorFlow appends node names and stack hints of its Python face; the first part says what was wrong. */
function cleaned(message: string): string {
  return message.replace(/\s*\[Op:[^\]]*\]\s*(name:\s*)?$/, "").trim();
}
