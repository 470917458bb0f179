import type { ChannelOptions } from "@grpc/grpc-js";

/** The largest message that is sent or received, in bytes, in both directions: 16 MiB. */
export const maxMessageBytes = 16 * 2 ** 20;

/** Thrown before a message is sent that the other side would refuse. */
export class MessageTooLarge extends Error {
  override readonly name = "MessageTooLarge";
  readonly exitCode = 64;
  readonly remedy = "Send fewer or smaller pictures at once.";
  constructor(path: string, bytes: number) {
    super(`a message for ${path} has ${bytes} bytes, and the limit maxMessageBytes is ${maxMessageBytes}`);
  }
}

/** The bytes of a message, if they are not too many. */
export function limited(path: string, bytes: Buffer): Buffer {
  if (bytes.length > maxMessageBytes) throw new MessageTooLarge(path, bytes.length);
  return bytes;
}

/** The limit as options of a channel or a server; what goes out is checked by `limited` with its own message. */
export const limitOptions: ChannelOptions = {
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": maxMessageBytes,
  // HTTP/2's own 64 KiB would cost a batch of pictures several round trips
  "grpc-node.flow_control_window": 1024 * 1024,
};
