/** TensorFlow's number (`TF_DataType`) of each element type that is used here. */
const NUMBERS = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  resource: 20,
  uint32: 22,
  uint64: 23,
} as const;

/** An element type of a value in a program. The tensors of tfjs know only some of them. */
export type DType = keyof typeof NUMBERS;

const NAMES = new Map<number, DType>(Object.entries(NUMBERS).map(([name, number]) => [number, name as DType]));

const BYTES: Partial<Record<DType, number>> = {
  float32: 4,
  int32: 4,
  uint8: 1,
  complex64: 8,
  int64: 8,
  bool: 1,
  bfloat16: 2,
  uint32: 4,
  uint64: 8,
};

/** `TF_DataType` of a dtype. */
export function dtypeNumber(dtype: DType): number {
  return NUMBERS[dtype];
}

/** The dtype of a `TF_DataType`. Throws `RangeError` for one that this package does not handle. */
export function dtypeName(number: number): DType {
  const name = NAMES.get(number);
  if (name === undefined) throw new RangeError(`TensorFlow's data type ${number} is not one that this package handles`);
  return name;
}

/** Bytes of one element; undefined for `string` and `resource`, whose elements have no fixed size. */
export function bytesPerElement(dtype: DType): number | undefined {
  return BYTES[dtype];
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
