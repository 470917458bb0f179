import { readFileSync } from "node:fs";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ReflectionService } from "@grpc/reflection";
import { descriptorsFile } from "@peco/proto";

/**
 * Reflection for some services of ours. Each file's descriptor is handed over as it is: read by proto-loader it would
 * lose its dependencies, and clients such as `buf curl` would not find the services.
 */
export function reflection(services: string[]): ReflectionService {
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(descriptorsFile));
  const fileDescriptorProtos = set.file.map((file) => Buffer.from(toBinary(FileDescriptorProtoSchema, file)));
  return new ReflectionService(
    { all: { format: "Protocol Buffer 3 DescriptorProto", type: {}, fileDescriptorProtos } },
    { services },
  );
}
