import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import { withLock } from "./lock.ts";

const folder = mkdtempSync(join(tmpdir(), "lock-"));
afterAll(() => rmSync(folder, { recursive: true }));
const timing = { pollMs: 20, goneAfterMs: 1000 };
const holder = new URL("../../test/hold-lock.ts", import.meta.url).pathname;

describe("withLock", () => {
  it("lets one body run at a time and leaves nothing behind", async () => {
    const path = join(folder, "one");
    let inside = 0;
    let most = 0;
    const body = async (work: string) => {
      expect(existsSync(work)).toBe(true);
      most = Math.max(most, ++inside);
      await sleep(15);
      inside--;
    };
    await Promise.all(Array.from({ length: 8 }, () => withLock(path, body, undefined, { ...timing, pollMs: 5 })));
    expect(most).toBe(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is free again after a body that throws", async () => {
    const path = join(folder, "throws");
    await expect(withLock(path, () => Promise.reject(new Error("no")), undefined, timing)).rejects.toThrow("no");
    expect(await withLock(path, async () => 1, undefined, timing)).toBe(1);
  });

  it("is taken over from a process that was killed, with what it left; one contender wins", async () => {
    const path = join(folder, "killed");
    const child = spawn(process.execPath, [holder, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    const waits: string[] = [];
    let done = false;
    let inside = 0;
    const body = async () => {
      done = true;
      expect(++inside).toBe(1);
      expect(readdirSync(path).filter((name) => name.startsWith("work."))).toHaveLength(1);
      await sleep(10);
      inside--;
    };
    const contenders = [1, 2, 3].map(() => withLock(path, body, (owner) => waits.push(owner), timing));
    await sleep(300);
    expect(done).toBe(false);
    expect(waits[0]).toContain(`process ${child.pid} on `);
    child.kill("SIGKILL");
    await Promise.all(contenders);
    expect(done).toBe(true);
    expect(existsSync(path)).toBe(false);
  });

  it("is taken over from another host that gives no sign of life, and not while it does", async () => {
    const path = join(folder, "host");
    mkdirSync(path);
    const file = join(path, "owner.1.x.other-host.example");
    writeFileSync(file, "");
    const started = performance.now();
    let mine = 0;
    const taken = withLock(
      path,
      async () => {
        mine = performance.now() - started;
      },
      undefined,
      { pollMs: 20, goneAfterMs: 400 },
    );
    for (let i = 0; i < 10; i++) {
      await sleep(100);
      // A heartbeat is a new time on the file.
      if (existsSync(file)) writeFileSync(file, "");
    }
    expect(mine).toBe(0);
    await taken;
    expect(mine).toBeGreaterThan(1300);
  });

  it("clears a lock without an owner", async () => {
    const path = join(folder, "nobody");
    mkdirSync(join(path, "something"), { recursive: true });
    await withLock(path, async () => {}, undefined, { pollMs: 20, goneAfterMs: 200 });
    expect(existsSync(path)).toBe(false);
  });

  it("does not remove a lock that was taken over from it", async () => {
    const path = join(folder, "lost");
    await withLock(
      path,
      async () => {
        const [owner = ""] = readdirSync(path).filter((name) => name.startsWith("owner."));
        renameSync(join(path, owner), join(path, "owner.1.other.host"));
      },
      undefined,
      timing,
    );
    expect(readdirSync(path)).toEqual(["owner.1.other.host"]);
  });
});
