/** How much a message matters. */
export type LogLevel = "debug" | "info" | "warn";

/** Takes a message and its details. */
export type Logger = (level: LogLevel, message: string, details: Readonly<Record<string, unknown>>) => void;

let logger: Logger = (level, message) => {
  if (level === "warn") process.stderr.write(`tfjs-libtensorflow: ${message}\n`);
};

/** Sends the package's messages (a trace, the device that was chosen) elsewhere. By default warnings go to standard error. */
export function setLogger(to: Logger): void {
  logger = to;
}

/** Logs a message. */
export function log(level: LogLevel, message: string, details: Readonly<Record<string, unknown>> = {}): void {
  logger(level, message, details);
}
