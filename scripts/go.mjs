/**
 * Runs Go, for tools that are built from a module of ours that pins all dependencies (go.mod, go.sum).
 */
import { run } from "./tool-cache.mjs";

/** Downloads no other toolchain, and ignores the user's Go settings. */
export const goEnvironment = {
  ...process.env,
  CGO_ENABLED: "0",
  GOTOOLCHAIN: "local",
  GOWORK: "off",
  GOFLAGS: "-mod=readonly",
};

export class GoModule {
  #folder;

  /** @param folder of its go.mod */
  constructor(folder) {
    this.#folder = folder;
  }

  /** @returns what `go …` printed @throws Trouble where it fails, or there is no Go */
  go(...words) {
    return run("go", words, { cwd: this.#folder, env: goEnvironment });
  }

  /** Builds a main package into a file. @param stamps what the linker puts into its variables, by their names */
  build(mainPackage, file, stamps = {}) {
    const flags = ["-s -w", ...Object.entries(stamps).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
    this.go("build", "-buildvcs=false", "-trimpath", `-ldflags=${flags}`, "-o", file, mainPackage);
  }

  /** @param module a required one @returns its version, "v1.2.3" */
  versionOf(module) {
    return this.go("list", "-m", "-f", "{{.Version}}", module).trim();
  }

  /** @param module "MODULE@VERSION", not necessarily a required one @returns the folder that it was unpacked into */
  folderOf(module) {
    return JSON.parse(this.go("mod", "download", "-json", module)).Dir;
  }
}
