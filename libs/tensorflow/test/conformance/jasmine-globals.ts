import jasmineRequire from "jasmine-core/lib/jasmine-core/jasmine.js";

// tfjs-core's specs use Jasmine's functions as globals, so this has to be the first import of the bundle.
const jasmine = jasmineRequire.core(jasmineRequire);
Object.assign(globalThis, jasmineRequire.interface(jasmine, jasmine.getEnv({ suppressLoadErrors: true })));
