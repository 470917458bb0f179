export type { Library } from "./cache.ts";
export {
  CacheNotWritableError,
  DownloadError,
  InstallerMissingError,
  LibraryError,
  LibraryNotFoundError,
  UnsupportedPlatformError,
  WheelMismatchError,
  WrongLibraryError,
} from "./errors.ts";
export { type EnsureOptions, ensureLibrary, type LibraryOptions, locateLibrary } from "./locate.ts";
