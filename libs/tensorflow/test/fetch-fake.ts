// A program of its own for the tests of races: fetches the fake wheel in argv[2] into the cache in argv[3].
import { fetchLibrary } from "../src/library/fetch.ts";
import { fakeWheel, offline } from "./fake-wheel.ts";

const [, , wheels = "", cache = ""] = process.argv;
const { distribution } = fakeWheel(wheels);
const library = await fetchLibrary(distribution, {
  log: (line) => process.stderr.write(`${line}\n`),
  env: { ...offline(wheels, cache), PATH: process.env["PATH"] },
  lock: { pollMs: 50, goneAfterMs: 5000 },
});
process.stdout.write(library.dir);
