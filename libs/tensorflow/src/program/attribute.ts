import { check, status } from "../core/status.ts";
import { newTensor, type TensorData } from "../core/tensor-memory.ts";
import { type DType, dtypeNumber } from "../dtype.ts";
import { api } from "../ffi/api.ts";

/** A constant value as an attribute: the data of a `Const`. */
export interface ConstantValue {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** One attribute of an operation, with the kind that TensorFlow's definition of the operation gives it. */
export type Attribute =
  | { readonly kind: "type"; readonly value: DType }
  | { readonly kind: "types"; readonly value: readonly DType[] }
  | { readonly kind: "int"; readonly value: number | bigint }
  | { readonly kind: "ints"; readonly value: readonly number[] }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "bools"; readonly value: readonly boolean[] }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "shape"; readonly value: readonly number[] }
  | { readonly kind: "tensor"; readonly value: ConstantValue };

/** Attributes by name. */
export type Attributes = Readonly<Record<string, Attribute>>;

/** Sets an attribute on an eager operation (`TFE_Op`). */
export function setEagerAttribute(op: bigint, name: string, attribute: Attribute): void {
  const c = api();
  switch (attribute.kind) {
    case "type":
      c.TFE_OpSetAttrType(op, name, dtypeNumber(attribute.value));
      return;
    case "types":
      c.TFE_OpSetAttrTypeList(op, name, types(attribute.value), attribute.value.length);
      return;
    case "int":
      c.TFE_OpSetAttrInt(op, name, attribute.value);
      return;
    case "ints":
      c.TFE_OpSetAttrIntList(op, name, longs(attribute.value), attribute.value.length);
      return;
    case "float":
      c.TFE_OpSetAttrFloat(op, name, attribute.value);
      return;
    case "floats":
      c.TFE_OpSetAttrFloatList(op, name, Float32Array.from(attribute.value), attribute.value.length);
      return;
    case "bool":
      c.TFE_OpSetAttrBool(op, name, attribute.value ? 1 : 0);
      return;
    case "bools":
      c.TFE_OpSetAttrBoolList(op, name, bools(attribute.value), attribute.value.length);
      return;
    case "string": {
      const bytes = Buffer.from(attribute.value);
      c.TFE_OpSetAttrString(op, name, bytes, bytes.length);
      return;
    }
    case "shape":
      c.TFE_OpSetAttrShape(op, name, longs(attribute.value), attribute.value.length, status());
      return;
    case "tensor":
      throw new TypeError(`an eager operation takes no tensor as attribute ${name}`);
  }
}

/** Sets an attribute on an operation that is being added to a graph (`TF_OperationDescription`). */
export function setGraphAttribute(description: bigint, name: string, attribute: Attribute): void {
  const c = api();
  switch (attribute.kind) {
    case "type":
      c.TF_SetAttrType(description, name, dtypeNumber(attribute.value));
      return;
    case "types":
      c.TF_SetAttrTypeList(description, name, types(attribute.value), attribute.value.length);
      return;
    case "int":
      c.TF_SetAttrInt(description, name, attribute.value);
      return;
    case "ints":
      c.TF_SetAttrIntList(description, name, longs(attribute.value), attribute.value.length);
      return;
    case "float":
      c.TF_SetAttrFloat(description, name, attribute.value);
      return;
    case "floats":
      c.TF_SetAttrFloatList(description, name, Float32Array.from(attribute.value), attribute.value.length);
      return;
    case "bool":
      c.TF_SetAttrBool(description, name, attribute.value ? 1 : 0);
      return;
    case "bools":
      c.TF_SetAttrBoolList(description, name, bools(attribute.value), attribute.value.length);
      return;
    case "string": {
      const bytes = Buffer.from(attribute.value);
      c.TF_SetAttrString(description, name, bytes, bytes.length);
      return;
    }
    case "shape":
      c.TF_SetAttrShape(description, name, longs(attribute.value), attribute.value.length);
      return;
    case "tensor": {
      const { dtype, shape, data } = attribute.value;
      const tensor = newTensor(dtype, shape, data);
      c.TF_SetAttrTensor(description, name, tensor, status());
      c.TF_DeleteTensor(tensor);
      check(status());
      return;
    }
  }
}

function longs(values: readonly number[]): BigInt64Array {
  return BigInt64Array.from(values, BigInt);
}

function bools(values: readonly boolean[]): Uint8Array {
  return Uint8Array.from(values, (value) => (value ? 1 : 0));
}

function types(values: readonly DType[]): Int32Array {
  return Int32Array.from(values, dtypeNumber);
}
